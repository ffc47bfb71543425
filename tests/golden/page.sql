-- the columns are tickets
select convert_to(
  (with p1 as
    (select t.*, row_number() over (order by t.opened_at desc, t.id desc) as _place
    from tickets t
    where (t.opened_at, t.id) < ($2::TIMESTAMP WITH TIME ZONE, $3::uuid)
    order by t.opened_at desc, t.id desc
    limit $1::bigint + 1) select row_to_json(c)
  from
    (select
      (select coalesce(array_to_json(array_agg(y)), '[]')
      from
        (select rtrim(translate(encode(convert_to('["tickets","opened_at",true,' || '"' || (to_char(r2.opened_at, 'YYYY-MM-DD"T"HH24:MI:SS') || case when extract(microseconds from r2.opened_at)::bigint % 1000000 = 0 then '' else to_char(r2.opened_at, '.US') end || 'Z') || '"' || ',"' || r2.id || '"]', 'UTF8'), 'base64'), e'+/\n', '-_'), '=') as "cursor",
          (select row_to_json(y)
          from
            (select r2.subject as "subject") y) as "node"
        from p1 r2
        where _place <= $1::bigint
        order by _place) y) as "edges",
      (select row_to_json(y)
      from
        (select exists
          (select
          from p1
          where _place > $1::bigint) as "hasNextPage", true as "hasPreviousPage",
          (select rtrim(translate(encode(convert_to('["tickets","opened_at",true,' || '"' || (to_char(p1.opened_at, 'YYYY-MM-DD"T"HH24:MI:SS') || case when extract(microseconds from p1.opened_at)::bigint % 1000000 = 0 then '' else to_char(p1.opened_at, '.US') end || 'Z') || '"' || ',"' || p1.id || '"]', 'UTF8'), 'base64'), e'+/\n', '-_'), '=')
          from p1
          where _place <= $1::bigint
          order by _place desc
          limit 1) as "endCursor") y) as "pageInfo") c)::text, 'UTF8')

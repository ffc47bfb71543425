-- the columns are customers
select convert_to(
  (select row_to_json(y)
  from
    (select
      (select coalesce(array_to_json(array_agg(y)), '[]')
      from
        (select r1.name as "name"
        from
          (select t.*
          from customers t
          order by t.registered_at desc, t.id desc
          limit $1::bigint) r1
        order by r1.registered_at asc, r1.id asc) y) as "nodes") y)::text, 'UTF8')

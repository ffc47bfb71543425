-- the columns are facts
select convert_to(
  (with p1 as
    (select t.*, row_number() over (order by t.position) as _place
    from pet.log t
    where t.position > $1::bigint and t.stream = any($3::text[])
    order by t.position
    limit $2::bigint + 1) select row_to_json(c)
  from
    (select coalesce(
      (select max(position)
      from p1
      where _place <= $2::bigint), $1::bigint)::text as "cursor", exists
      (select
      from p1
      where _place > $2::bigint) as "hasMore",
      (select coalesce(array_to_json(array_agg(y)), '[]')
      from
        (select r2.position::text as "position", r2.type as "type", r2.data as "data", r2.recorded_at as "recordedAt", encode(r2.seal, 'hex') as "seal"
        from p1 r2
        where _place <= $2::bigint
        order by _place) y) as "facts") c)::text, 'UTF8')

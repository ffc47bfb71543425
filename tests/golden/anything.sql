-- the columns are node
select convert_to(
  (select row_to_json(y)
  from
    (select 'Person'::text as "__typename", encode(convert_to('Person:' || r1.id, 'UTF8'), 'base64') as "id",
      (select coalesce(array_to_json(array_agg(upper(e) order by o)), '[]')
      from unnest(r1.roles) with ordinality as u(e, o)) as "roles"
    from people r1
    where r1.id = ($1::uuid[])[1]) y)::text, 'UTF8')

-- the columns are tickets
select convert_to(
  (select row_to_json(y)
  from
    (select
      (select coalesce(array_to_json(array_agg(y)), '[]')
      from
        (select encode(convert_to('Ticket:' || r1.id, 'UTF8'), 'base64') as "id", r1.subject as "subject", upper(r1.priority) as "priority", r1.version as "version"
        from tickets r1
        order by r1.opened_at desc, r1.id desc
        limit $1::bigint) y) as "nodes") y)::text, 'UTF8')

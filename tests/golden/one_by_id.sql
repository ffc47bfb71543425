-- the columns are ticket
select convert_to(
  (select row_to_json(y)
  from
    (select encode(convert_to('Ticket:' || r1.id, 'UTF8'), 'base64') as "id", r1.subject as "subject", upper(r1.status) as "status", r1.opened_at as "openedAt", coalesce(
      (select row_to_json(y)
      from
        (select r2.name as "name"
        from customers r2
        where r2.id = r1.customer_id) y), ('no ' || r1.customer_id)::json) as "customer"
    from tickets r1
    where r1.id = $1::uuid) y)::text, 'UTF8')

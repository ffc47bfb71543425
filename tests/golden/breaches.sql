-- the columns are slaBreachesByCustomer
select convert_to(
  (select coalesce(array_to_json(array_agg(y)), '[]')
  from
    (select r1.breaches as "breaches", coalesce(
      (select row_to_json(y)
      from
        (select r2.name as "name"
        from customers r2
        where r2.id = r1.customer_id) y), ('no ' || r1.customer_id)::json) as "customer"
    from
      (select customer_id, count(*) as breaches
      from sla_clocks
      where breached_at is not null and ($1::text is null or kind = $1)
      group by customer_id
      order by breaches desc, customer_id
      limit $2::bigint) r1) y)::text, 'UTF8')

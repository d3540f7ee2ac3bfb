-- put_service: one service as it is given; one of the same name, however that is spelled, is replaced.
insert into services as s
  (org_id, service, duration_minutes, buffer_before_minutes, buffer_after_minutes, slot_minutes, notice_minutes)
values
  (:org_id, :service, :duration_minutes, :buffer_before_minutes, :buffer_after_minutes, :slot_minutes, :notice_minutes)
on conflict (org_id, folded) do update set
  -- The new spelling reaches service_resources by its foreign key.
  service = excluded.service,
  duration_minutes = excluded.duration_minutes,
  buffer_before_minutes = excluded.buffer_before_minutes,
  buffer_after_minutes = excluded.buffer_after_minutes,
  slot_minutes = excluded.slot_minutes,
  notice_minutes = excluded.notice_minutes;

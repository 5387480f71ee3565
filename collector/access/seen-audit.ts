// Which entries of the audit log a scope sees: those about devices, ports, alarms, windows and tokens that it sees itself, and no others.
import type { AuditQuery } from '../../common/database/audit.ts';
import type { Viewpoint } from '../../common/model/viewpoint.ts';
import type { Principal } from '../../common/runtime/access.ts';
import type { ServiceBook } from '../services/service-book.ts';

type SeenAudit = NonNullable<AuditQuery['seen']>;

/** Null: all of it. An entry about what belongs to nobody (projections, channels, tasks over many alarms) is seen by no scope. */
export function seenAudit(
  { scope }: Principal,
  viewpoint: Viewpoint,
  services: Pick<ServiceBook, 'ofCustomer'>,
): SeenAudit | null {
  if (scope === null) return null;
  const bought = viewpoint.customers.flatMap((customer) => services.ofCustomer(customer)).map(({ id }) => id);
  return { condition, values: [viewpoint.devices, viewpoint.resources, JSON.stringify(scope), [...new Set(bought)]] };
}

/** `case`, because only one arm is computed: an id is a number in one of them only. */
function condition(first: number): string {
  const [devices, resources] = [`$${first}::text[]`, `$${first + 1}::text[]`];
  const [scope, services] = [`$${first + 2}::jsonb`, `$${first + 3}::text[]`];
  const id = `substr(subject, position('/' in subject) + 1)`;
  const seesResource = (resource: string): string =>
    `(split_part(${resource}, '/', 1) = any(${devices}) or ${resource} = any(${resources}))`;
  const isNone = (definition: string): string => `(coalesce(jsonb_typeof(${definition}), 'null') = 'null')`;
  const ofSite = (definition: string): string =>
    `(${isNone(definition)} or ${scope}->'sites' ? (${definition}->>'site'))`;
  // A window is seen where all that it is about is seen, as where windows are read.
  const seesWindow = (definition: string): string => `
    (${isNone(definition)} or (
      ${definition}->'targets'->'tags' = '[]'::jsonb
      and ${definition}->'targets'->'sites' <@ (${scope}->'sites')
      and ${definition}->'targets'->'services' <@ to_jsonb(${services})
      and not exists (
        select from jsonb_array_elements_text(${definition}->'targets'->'devices' || (${definition}->'targets'->'resources')) as target (name)
         where not ${seesResource('target.name')})))`;
  const within = (held: string): string =>
    `(${held}->'sites' <@ (${scope}->'sites') and ${held}->'customers' <@ (${scope}->'customers'))`;
  const seesToken = (token: string): string => `exists (select from access.token as token
     where starts_with(encode(token.hash, 'hex'), ${token}) and ${within('token.scope')})`;
  return `coalesce(case split_part(subject, '/', 1)
    when 'device' then ${id} = any(${devices})
      -- One that is gone has no site any more: what it had is in the entry.
      or (action in ('device.create', 'device.replace', 'device.remove') and ${ofSite('before')} and ${ofSite('after')})
    when 'interface' then ${seesResource(id)}
    when 'alarm' then case when action = 'alarm.purge' then ${seesResource(`(before->>'resource')`)}
      else exists (select from faults.alarm as alarm where alarm.id = case when ${id} ~ '^[0-9]{1,18}$' then (${id})::int8 end
        and (alarm.device = any(${devices}) or alarm.resource = any(${resources}))) end
    when 'maintenance-window' then ${seesWindow('before')} and ${seesWindow('after')}
    when 'token' then ${seesToken(id)}
    when 'sign_in_link' then case when action = 'sign_in_link.use' then ${seesToken(`(after->>'token')`)}
      else ${within(`after->'scope'`)} end
    else false end, false)`;
}

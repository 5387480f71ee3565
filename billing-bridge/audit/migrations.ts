// Tables of the hash chain over the ledger: each entry seals rows as they were written, and everything before it.
import type { Migration } from '../../common/database/database.ts';

export const CHAIN_KINDS = ['charge', 'bill', 'bill_state', 'credit_note', 'payment'] as const;
export type ChainKind = (typeof CHAIN_KINDS)[number];

/**
 * What is sealed of the rows that `keys` names, as text: columns by name, so that a column added later changes nothing that was
 * sealed. Part of a released migration: never to be changed.
 */
export const SEALED_CONTENT: Readonly<Record<ChainKind, string>> = {
  charge: `select string_agg(jsonb_build_array(id, run, customer, service, item, item_name, kind, window_start_ms, window_end_ms,
      version, plan, plan_version, currency, quantity, unit, amount, usage_records, input_digest, rated_at_ms, working,
      evidence)::text, chr(10) order by id) from billing.charge where id = any(keys::int8[])`,
  bill: `select string_agg(jsonb_build_array(b.id, b.customer, b.customer_name, b.period, b.cycle, b.zone, b.period_start_ms,
      b.period_end_ms, b.category, b.currency, b.total, b.watermark, b.gates, b.issued_at_ms,
      (select jsonb_agg(jsonb_build_array(l.line, l.kind, l.service, l.item, l.item_name, l.plan, l.plan_version, l.period,
          l.period_start_ms, l.period_end_ms, l.quantity, l.unit, l.exact_amount, l.billed_before, l.amount, l.final, l.working,
          (select jsonb_agg(h.charge order by h.charge) from billing.bill_line_charge h where h.bill = l.bill and h.line = l.line))
        order by l.line) from billing.bill_line l where l.bill = b.id),
      (select jsonb_build_array(i.legal_entity, i.series, i.sequence, i.number, i.issue_date, i.due_date, i.seller, i.buyer,
          i.currency, i.net, i.tax, i.gross, i.taxes) from billing.invoice i where i.bill = b.id))::text, chr(10) order by b.id)
    from billing.bill b where b.id = any(keys)`,
  bill_state: `select string_agg(jsonb_build_array(id, bill, state, at_ms, by_whom)::text, chr(10) order by id)
    from billing.bill_state where id = any(keys::int8[])`,
  credit_note: `select string_agg(jsonb_build_array(serial, bill, request, legal_entity, series, sequence, number, issue_date, reason,
      by_whom, at_ms, net, tax, gross, taxes, lines)::text, chr(10) order by serial)
    from billing.credit_note where serial = any(keys::int8[])`,
  payment: `select string_agg(jsonb_build_array(serial, bill, request, kind, amount, currency, paid_on, reference, other, by_whom,
      at_ms)::text, chr(10) order by serial) from billing.payment where serial = any(keys::int8[])`,
};

/** Kinds that the first of the migrations knows; those that came later have a function each. */
const FIRST_KINDS = ['charge', 'bill', 'bill_state', 'credit_note'] as const;

const BRANCHES = FIRST_KINDS.map(
  (kind, at) => `${at === 0 ? 'if' : 'elsif'} sealed_kind = '${kind}' then content := (${SEALED_CONTENT[kind]});`,
).join('\n          ');

export const ledgerChainMigrations: readonly Migration[] = [
  {
    id: 'billing-audit-001',
    sql: `
      create table billing.chain (
        position bigint primary key,
        kind text not null,
        keys text[] not null,
        digest bytea not null,
        at_ms bigint not null,
        hash bytea not null
      );
      create index chain_of_bill on billing.chain ((keys[1])) where kind = 'bill';
      create table billing.chain_head (
        one boolean primary key default true check (one),
        position bigint not null,
        hash bytea not null
      );
      insert into billing.chain_head (position, hash) values (0, sha256('weir ledger'::bytea));
      create table billing.chain_sink (
        sink text primary key,
        position bigint not null,
        delivered_at_ms bigint
      );
      -- The head is locked until the transaction ends: entries stand in the order of their commits.
      create function billing.seal(sealed_kind text, keys text[], sealed_at_ms bigint) returns void language plpgsql as $$
        declare
          content text;
          head billing.chain_head;
          sealed bytea;
          hashed bytea;
        begin
          ${BRANCHES}
          else raise exception 'nothing seals %', sealed_kind;
          end if;
          sealed := sha256(convert_to(coalesce(content, ''), 'UTF8'));
          select * into strict head from billing.chain_head for update;
          hashed := sha256(head.hash || convert_to((head.position + 1) || '|' || sealed_kind || '|' || array_to_string(keys, ',')
            || '|' || sealed_at_ms || '|', 'UTF8') || sealed);
          insert into billing.chain (position, kind, keys, digest, at_ms, hash)
            values (head.position + 1, sealed_kind, keys, sealed, sealed_at_ms, hashed);
          update billing.chain_head set position = head.position + 1, hash = hashed;
        end
      $$;
      -- What a ledger of before holds is sealed as it is now.
      do $$
        declare
          batch text[];
        begin
          for batch in select array_agg(id::text order by id) from billing.charge group by id / 1000 order by min(id) loop
            perform billing.seal('charge', batch, 0);
          end loop;
          for batch in select array[id] from billing.bill order by serial loop
            perform billing.seal('bill', batch, 0);
          end loop;
          for batch in select array_agg(id::text order by id) from billing.bill_state group by id / 1000 order by min(id) loop
            perform billing.seal('bill_state', batch, 0);
          end loop;
          for batch in select array_agg(serial::text order by serial) from billing.credit_note group by serial / 1000 order by min(serial) loop
            perform billing.seal('credit_note', batch, 0);
          end loop;
        end
      $$;
      create trigger chain_never_changes before update or delete or truncate on billing.chain
        for each statement execute function billing.refuse_change();`,
  },
  {
    // Any kind K that has a function billing.sealed_K(keys) can be sealed: a later kind adds its own.
    id: 'billing-audit-002-invoice',
    sql: `
      create function billing.sealed_payment(keys text[]) returns text language sql stable as $$
        ${SEALED_CONTENT.payment}
      $$;
      create or replace function billing.seal(sealed_kind text, keys text[], sealed_at_ms bigint) returns void language plpgsql as $$
        declare
          content text;
          head billing.chain_head;
          sealed bytea;
          hashed bytea;
        begin
          ${BRANCHES}
          elsif to_regprocedure('billing.sealed_' || sealed_kind || '(text[])') is not null then
            execute format('select billing.%I($1)', 'sealed_' || sealed_kind) into content using keys;
          else raise exception 'nothing seals %', sealed_kind;
          end if;
          sealed := sha256(convert_to(coalesce(content, ''), 'UTF8'));
          select * into strict head from billing.chain_head for update;
          hashed := sha256(head.hash || convert_to((head.position + 1) || '|' || sealed_kind || '|' || array_to_string(keys, ',')
            || '|' || sealed_at_ms || '|', 'UTF8') || sealed);
          insert into billing.chain (position, kind, keys, digest, at_ms, hash)
            values (head.position + 1, sealed_kind, keys, sealed, sealed_at_ms, hashed);
          update billing.chain_head set position = head.position + 1, hash = hashed;
        end
      $$;`,
  },
];

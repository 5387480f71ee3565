// Tables of bills: written once, never changed; what happens to a bill later is added beside it.
import type { Migration } from '../../common/database/database.ts';

export const billMigrations: readonly Migration[] = [
  {
    id: 'billing-bill-001',
    sql: `
      create table billing.bill (
        serial bigint generated always as identity primary key,
        id text not null unique,
        customer text not null,
        customer_name text not null,
        period text not null,
        cycle text not null,
        zone text not null,
        period_start_ms bigint not null,
        period_end_ms bigint not null,
        category text not null check (category in ('normal', 'interim')),
        currency text not null,
        total text not null,
        watermark text,
        gates jsonb not null,
        issued_at_ms bigint not null
      );
      create unique index bill_once on billing.bill (customer, period_start_ms) where category = 'normal';
      create index bill_by_customer on billing.bill (customer, serial);
      create table billing.bill_line (
        bill text not null references billing.bill (id),
        line int not null,
        kind text not null check (kind in ('charge', 'adjustment')),
        service text not null,
        item text not null,
        item_name text not null,
        plan text not null,
        plan_version int not null,
        period text not null,
        period_start_ms bigint not null,
        period_end_ms bigint not null,
        quantity text not null,
        unit text not null,
        exact_amount text not null,
        billed_before text not null,
        amount text not null,
        final boolean not null,
        working jsonb not null,
        primary key (bill, line)
      );
      create index bill_line_by_group on billing.bill_line (service, item, plan, plan_version, period_start_ms) where final;
      create table billing.bill_line_charge (
        bill text not null,
        line int not null,
        charge bigint not null references billing.charge (id),
        final boolean not null,
        primary key (bill, line, charge),
        foreign key (bill, line) references billing.bill_line (bill, line)
      );
      create unique index charge_billed_once on billing.bill_line_charge (charge) where final;
      create table billing.bill_state (
        id bigint generated always as identity primary key,
        bill text not null references billing.bill (id),
        state text not null check (state in ('new', 'onHold', 'validated', 'sent', 'partiallyPaid', 'settled')),
        at_ms bigint not null,
        by_whom text not null
      );
      create index bill_state_by_bill on billing.bill_state (bill, id);
      create table billing.bill_run (
        id bigint generated always as identity primary key,
        period text not null,
        account text,
        interim boolean not null,
        accepted text[] not null,
        by_whom text not null,
        at_ms bigint not null,
        result jsonb not null
      );
      create trigger bill_never_changes before update or delete or truncate on billing.bill
        for each statement execute function billing.refuse_change();
      create trigger bill_line_never_changes before update or delete or truncate on billing.bill_line
        for each statement execute function billing.refuse_change();
      create trigger bill_line_charge_never_changes before update or delete or truncate on billing.bill_line_charge
        for each statement execute function billing.refuse_change();
      create trigger bill_state_never_changes before update or delete or truncate on billing.bill_state
        for each statement execute function billing.refuse_change();
      create trigger bill_run_never_changes before update or delete or truncate on billing.bill_run
        for each statement execute function billing.refuse_change();`,
  },
  {
    // Lines, and the charges behind them, come in the transaction that makes their bill, and never after it.
    id: 'billing-bill-002',
    sql: `
      create function billing.refuse_addition() returns trigger language plpgsql as $$
        begin
          if exists (select from added where not exists (
            select from billing.bill b where b.id = added.bill and b.xmin = pg_current_xact_id()::xid)) then
            raise exception 'the bill is closed: nothing is added to %.%', tg_table_schema, tg_table_name
              using errcode = 'integrity_constraint_violation';
          end if;
          return null;
        end
      $$;
      create trigger bill_line_with_its_bill after insert on billing.bill_line
        referencing new table as added for each statement execute function billing.refuse_addition();
      create trigger bill_line_charge_with_its_bill after insert on billing.bill_line_charge
        referencing new table as added for each statement execute function billing.refuse_addition();`,
  },
  {
    // A bill that is an invoice has its number, parties and tax beside it; credit notes have numbers of their own.
    id: 'billing-bill-003',
    sql: `
      create table billing.number_series (
        legal_entity text not null,
        series text not null,
        next bigint not null,
        primary key (legal_entity, series)
      );
      create table billing.invoice (
        bill text primary key references billing.bill (id),
        legal_entity text not null,
        series text not null,
        sequence bigint not null,
        number text not null,
        issue_date text not null,
        due_date text not null,
        seller jsonb not null,
        buyer jsonb not null,
        currency text not null,
        net text not null,
        tax text not null,
        gross text not null,
        taxes jsonb not null,
        unique (legal_entity, series, sequence),
        unique (legal_entity, number)
      );
      create table billing.credit_note (
        serial bigint generated always as identity primary key,
        bill text not null references billing.invoice (bill),
        request text not null,
        legal_entity text not null,
        series text not null,
        sequence bigint not null,
        number text not null,
        issue_date text not null,
        reason text not null,
        by_whom text not null,
        at_ms bigint not null,
        net text not null,
        tax text not null,
        gross text not null,
        taxes jsonb not null,
        lines jsonb not null,
        unique (bill, request),
        unique (legal_entity, series, sequence),
        unique (legal_entity, number)
      );
      create trigger invoice_never_changes before update or delete or truncate on billing.invoice
        for each statement execute function billing.refuse_change();
      create trigger invoice_with_its_bill after insert on billing.invoice
        referencing new table as added for each statement execute function billing.refuse_addition();
      create trigger credit_note_never_changes before update or delete or truncate on billing.credit_note
        for each statement execute function billing.refuse_change();`,
  },
  {
    id: 'billing-bill-004',
    sql: `
      create table billing.bill_on_demand (
        serial bigint generated always as identity primary key,
        customer text not null,
        name text,
        description text,
        bill text references billing.bill (id),
        by_whom text not null,
        at_ms bigint not null
      );
      create trigger bill_on_demand_never_changes before update or delete or truncate on billing.bill_on_demand
        for each statement execute function billing.refuse_change();`,
  },
  {
    // Money that came in for a bill, or went back: only ever added to.
    id: 'billing-bill-005-invoice',
    sql: `
      create table billing.payment (
        serial bigint generated always as identity primary key,
        bill text not null references billing.bill (id),
        request text not null,
        kind text not null check (kind in ('payment', 'refund', 'transfer', 'reversal')),
        amount text not null,
        currency text not null,
        paid_on text not null,
        reference text not null,
        other text,
        by_whom text not null,
        at_ms bigint not null,
        unique (bill, request)
      );
      create unique index payment_reversed_once on billing.payment (other) where kind = 'reversal';
      create trigger payment_never_changes before update or delete or truncate on billing.payment
        for each statement execute function billing.refuse_change();`,
  },
];

// Error codes of the billing bridge.
import { entry } from './entry.ts';

export const BILLING_ERRORS = {
  // billing-bridge: mediate
  collector_unreachable: entry(
    502,
    'The collector does not answer the billing bridge.',
    'Check that it runs, and billing_bridge.collector_url; what was not read yet is read as soon as it answers.',
  ),
  collector_answer_unusable: entry(
    502,
    'The collector answered with something that is not what was asked for.',
    'Check that collector and bridge are of fitting versions, and that nothing between them changes answers.',
  ),
  meter_changed: entry(
    409,
    'The collector gives a meter another port than it had, or a port another meter.',
    'The database of the collector was replaced: restore it, or give the bridge an empty database; usage of two ports must never mix.',
  ),
  suspense_not_releasable: entry(
    409,
    'The span held back is too long to be laid over the buckets of the grid.',
    'Bill what it is worth by a credit or a fee; its octets stay in suspense.',
  ),
  readings_gone: entry(
    409,
    'The collector no longer has the readings that this would be made from again.',
    'Restore its readings, or leave it as it is.',
  ),
  // billing-bridge: account, queue, bill
  contract_change_refused: entry(
    409,
    'A change of the configuration would change what bills were cut by.',
    'Leave it as it was, and make a new customer or service with a new id.',
  ),
  meter_bound_twice: entry(
    409,
    'A port is bound to two services at one time.',
    'End the older binding with a date, or take the newer one away.',
  ),
  binding_refused: entry(
    409,
    'The binding of a port cannot be changed so.',
    'The message says why; GET /billing/v1/services tells what is bound from when to when.',
  ),
  period_unknown: entry(
    400,
    'The period is not one that the customer is billed by.',
    'Write 2026-11 for a month, 2026-11-24 for a day, 2026-11-24T08Z for an hour.',
  ),
  period_open: entry(
    409,
    'The period has not ended yet.',
    'Wait until it has, or ask for an interim bill, which closes nothing.',
  ),
  bill_gate_closed: entry(
    409,
    'Something that the bill rests on is not in order.',
    'detail.gates names each; put it in order, or accept it by its name (--accept GATE).',
  ),
  bill_state_refused: entry(
    409,
    'No way leads from the state of a bill to the one asked for.',
    'detail.next names the states it may go to; an interim bill has none.',
  ),
  legal_entity_unknown: entry(
    409,
    'A customer is billed by a legal entity that the configuration does not have.',
    'Put it back under legal_entities, or name another in the customer.',
  ),
  currency_refused: entry(
    409,
    'The legal entity does not bill in the currency of the customer.',
    'Add the currency to its currencies, or have another legal entity bill the customer.',
  ),
  tax_rate_unknown: entry(
    409,
    'No rate of tax is known for a country and category.',
    'State it in tax_rates of the legal entity.',
  ),
  credit_refused: entry(
    409,
    'A credit note would give back what a bill never asked for, or the bill has no number.',
    'detail.left says what is left of the line; a credit note needs a closed bill of a configured legal entity.',
  ),
  payment_refused: entry(
    409,
    'A payment is not one that the bill can have.',
    'Amounts are above nothing in the currency of the bill; a refund or transfer is at most what was overpaid; an interim bill is not paid.',
  ),
  usage_link_unknown: entry(
    404,
    'A usage link is not known, has ended, or was taken back.',
    'Ask whoever sends your bills for another one.',
  ),
  usage_links_full: entry(
    409,
    'A customer has as many usage links as there may be.',
    'Take some back: DELETE /billing/v1/usage-links/ID.',
  ),
  mail_refused: entry(
    409,
    'A bill cannot be sent by e-mail.',
    'It needs a number (an interim bill has none), an address (email of the customer, or name one), and a server: billing_bridge.mail.',
  ),
  backup_damaged: entry(
    400,
    'A backup is cut short, or not as it was written.',
    'Take another copy; nothing was restored.',
  ),
  backup_incompatible: entry(
    409,
    'A backup has other tables than the database that it is restored into.',
    'Restore it into a database without tables: they are made as the backup has them, and then brought to this version.',
  ),
  backup_newer: entry(
    409,
    'A backup was written by a newer version of Weir.',
    'Restore it with that version, or a later one.',
  ),
  restore_target_not_empty: entry(
    409,
    'A backup is restored into an empty database only.',
    'Name an empty one: WEIR_DATABASE_URL, or a new --data folder.',
  ),
  run_elsewhere: entry(
    409,
    'Another process does this very work at the moment.',
    'Wait until it is done and ask again; a process that was killed holds it for up to a minute.',
  ),
  queue_incompatible: entry(
    500,
    'The queue in the database is not of the version that this Weir was made for.',
    'Run weir migrate; keep one version of Weir on one database.',
  ),
} as const;

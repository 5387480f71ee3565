// The states of a bill (TMF678) and the ways between them; the bill itself never changes.
import type { Seal } from '../audit/chain.ts';
import type { Database, Queryable } from '../../common/database/database.ts';
import type { EpochMs } from '../../common/model/time.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { settlementOf } from './settlement.ts';
import { addState, type Bill, type BillCategory, type BillState, findBill } from './bill-store.ts';

export const BILL_STATES = ['new', 'onHold', 'validated', 'sent', 'partiallyPaid', 'settled'] as const;

const NEXT: Readonly<Record<BillState, readonly BillState[]>> = {
  new: ['onHold', 'validated'],
  onHold: ['validated'],
  validated: ['onHold', 'sent'],
  sent: ['partiallyPaid', 'settled'],
  partiallyPaid: ['settled'],
  settled: [],
};

/** Where a bill may go from its state. An interim bill is a view of a running period: nobody is asked to pay it. */
export function nextStates(category: BillCategory, state: BillState): readonly BillState[] {
  return category === 'interim' ? [] : NEXT[state];
}

export interface StateChange {
  readonly bill: string;
  readonly state: BillState;
  readonly by: string;
  readonly atMs: EpochMs;
}

/** Asked twice, it is done once. Throws not_found, or bill_state_refused where no way leads from one state to the other. */
export function changeBillState(database: Database, seal: Seal, change: StateChange): Promise<Bill> {
  return database.transaction(async (connection) => {
    const bill = await lockedBill(connection, change.bill);
    if (bill.state === change.state) return bill;
    const next = nextStates(bill.category, bill.state);
    if (!next.includes(change.state))
      throw new WeirError(
        'bill_state_refused',
        `The bill ${bill.id} cannot go from ${bill.state} to ${change.state}.`,
        {
          bill: bill.id,
          category: bill.category,
          state: bill.state,
          next,
        },
      );
    return enterState(connection, seal, bill, change);
  });
}

/** It was sent: a bill that waited for that is so now, any other stays as it is. In the transaction of whoever sent it. */
export async function billWasSent(
  connection: Queryable,
  seal: Seal,
  change: Omit<StateChange, 'state'>,
): Promise<void> {
  const bill = await lockedBill(connection, change.bill);
  if (nextStates(bill.category, bill.state).includes('sent'))
    await enterState(connection, seal, bill, { ...change, state: 'sent' });
}

/** Two that change one bill at once wait for each other: the second then sees the first one's state. Throws not_found. */
export async function lockedBill(connection: Queryable, id: string): Promise<Bill> {
  await connection.query('select from billing.bill where id = $1 for update', [id]);
  const bill = await findBill(connection, id, null);
  if (bill === null) throw new WeirError('not_found', `There is no bill ${id}.`, { bill: id });
  return bill;
}

export async function enterState(connection: Queryable, seal: Seal, bill: Bill, change: StateChange): Promise<Bill> {
  const id = await addState(connection, bill.id, change.state, change.atMs, change.by);
  await seal(connection, 'bill_state', [id.toString()], change.atMs);
  const entered = { ...bill, state: change.state, stateAtMs: change.atMs };
  return { ...entered, settlement: settlementOf(entered) };
}

// Channels of people of which something was given up, or is tried again and again.
import type { Queryable } from '../../common/database/database.ts';
import type { FailingReceiver } from '../faults/receivers.ts';

export const CHANNEL_PREFIX = 'channel:';
/** Tried so often without being accepted, a message says that its channel fails. */
const TRIES_OF_A_FAILURE = 3;
const MOST = 200;

interface Row {
  readonly channel: string;
  readonly dead: boolean;
  readonly since_ms: bigint;
  readonly failure: string | null;
}

export async function failingChannels(connection: Queryable): Promise<readonly FailingReceiver[]> {
  const { rows } = await connection.query<Row>(
    `select channel, bool_or(state = 'dead') as dead, min(created_at_ms) as since_ms,
            (array_agg(failure order by id desc) filter (where failure is not null))[1] as failure
       from tell.message where state = 'dead' or (state in ('intended', 'sending') and attempts >= ${TRIES_OF_A_FAILURE})
      group by channel order by channel limit ${MOST}`,
  );
  return rows.map(({ channel, dead, since_ms: sinceMs, failure }) => ({
    resource: `${CHANNEL_PREFIX}${channel}`,
    name: `The channel ${channel}`,
    state: dead ? 'given_up' : 'failing',
    sinceMs: Number(sinceMs),
    why: failure ?? '',
  }));
}

// The first page: what is polled, what is wrong, what flows, and what it costs, live.
import { useState } from 'preact/hooks';
import { Agents } from './agents.tsx';
import { Alarms } from './alarms.tsx';
import { Availability } from './availability.tsx';
import { Devices } from './devices.tsx';
import { EdgeTraffic } from './edge-traffic.tsx';
import { Money } from './money.tsx';
import { Problem } from './problem.tsx';
import { useReader } from './reader.ts';
import { Tiles } from './tiles.tsx';
import { Traffic } from './traffic.tsx';
import type { BillingOverview } from './billing-types.ts';
import type { Overview } from './types.ts';
import { useAnswer } from './use-answer.ts';

export function Wall() {
  const { may } = useReader();
  const [resource, setResource] = useState<string | null>(null);
  const overview = useAnswer<Overview>('/api/v1/overview');
  const billing = useAnswer<BillingOverview>('/billing/v1/overview');
  return (
    <>
      <Problem text={overview.problem} old={overview.data !== null} />
      <Tiles overview={overview.data} billing={billing} />
      {may.network && <Availability overview={overview.data} />}
      <div class="columns">
        <EdgeTraffic />
        <Alarms />
      </div>
      <div class="columns">
        <div class="stack">
          <Traffic resource={resource} onResource={setResource} />
          {may.network && <Devices chosen={resource} onResource={setResource} />}
          {may.network && <Agents />}
        </div>
        <Money billing={billing} />
      </div>
    </>
  );
}

// The first page: what is polled, what is wrong, what flows, and what it costs, live.
import { useEffect, useState } from 'preact/hooks';
import { Agents } from './agents.tsx';
import { Alarms } from './alarms.tsx';
import type { StreamState } from './api.ts';
import { Devices } from './devices.tsx';
import { seconds } from './format.ts';
import { useLive } from './live.ts';
import { Money } from './money.tsx';
import { Problem } from './problem.tsx';
import { Tiles } from './tiles.tsx';
import { Traffic } from './traffic.tsx';
import type { BillingOverview, Overview as Figures, Who } from './types.ts';
import { useAnswer } from './use-answer.ts';

interface OverviewProps {
  readonly who: Who;
  readonly onRefused: () => void;
  readonly onLeave: () => void;
}

export function Overview({ who, onRefused, onLeave }: OverviewProps) {
  const { round, stream } = useLive();
  const [resource, setResource] = useState<string | null>(null);
  const overview = useAnswer<Figures>('/api/v1/overview', round);
  const billing = useAnswer<BillingOverview>('/billing/v1/overview', round);
  useEffect(() => {
    if (overview.refused === 401) onRefused();
  }, [overview.refused, onRefused]);
  return (
    <>
      <Bar who={who} stream={stream} watermark={billing.data?.watermark ?? null} onLeave={onLeave} />
      {overview.data?.demo === true && <Demo pollIntervalMs={overview.data.pollIntervalMs} />}
      <main>
        <Problem text={overview.problem} old={overview.data !== null} />
        <Tiles overview={overview.data} billing={billing} />
        <div class="columns">
          <Traffic round={round} resource={resource} onResource={setResource} />
          <Alarms round={round} />
        </div>
        <div class="columns">
          <div class="stack">
            <Devices round={round} chosen={resource} onResource={setResource} />
            <Agents round={round} />
          </div>
          <Money billing={billing} />
        </div>
      </main>
    </>
  );
}

const STREAM_WORDS: Readonly<Record<StreamState, string>> = {
  live: 'live',
  lost: 'connection lost; what you see may be old',
  connecting: 'connecting',
};

interface BarProps {
  readonly who: Who;
  readonly stream: StreamState;
  readonly watermark: string | null;
  readonly onLeave: () => void;
}

function Bar({ who, stream, watermark, onLeave }: BarProps) {
  return (
    <header class="bar">
      <img src="/favicon.svg" alt="" />
      <h1>Weir</h1>
      <span class="motto">from SNMP counter to bill line</span>
      {watermark !== null && <span class="watermark">{watermark}</span>}
      <span class="live" role="status">
        <span class={`dot ${stream}`} />
        {STREAM_WORDS[stream]}
      </span>
      <button type="button" class="plain" title={`Signed in as ${who.name} (${who.role})`} onClick={onLeave}>
        Sign out
      </button>
    </header>
  );
}

function Demo({ pollIntervalMs }: { readonly pollIntervalMs: number }) {
  return (
    <p class="demo">
      <strong>Demo.</strong> A simulated network answers real SNMP on this machine. It is polled every{' '}
      {seconds(pollIntervalMs)} into 30 s buckets, so that there is something to see within a minute; a real network is
      polled every 60 s into 5 min buckets. Nothing here is seeded, and bills are marked DEMO.
    </p>
  );
}

// The first page: what is polled, what is wrong, what flows, and what it costs, live.
import { useCallback, useEffect, useState } from 'preact/hooks';
import { ask, listenToEvents, Refusal, signIn, type StreamState } from './api.ts';
import { Alarms } from './alarms.tsx';
import { Devices } from './devices.tsx';
import { Money } from './money.tsx';
import { Tiles } from './tiles.tsx';
import { Traffic } from './traffic.tsx';
import type { Overview } from './types.ts';

/** Events come in bursts: the page asks again at most this often. */
const REFRESH_MS = 2000;

function takeToken(): string | null {
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  // The token must not stay in the address, the history or a screenshot.
  if (token !== null) history.replaceState(null, '', location.pathname + location.search);
  return token;
}

type Access = 'asking' | 'refused' | 'in';

export function App() {
  const [access, setAccess] = useState<Access>('asking');
  const [problem, setProblem] = useState<string | null>(null);
  const enter = useCallback(async (token: string | null) => {
    try {
      if (token !== null) await signIn(token);
      await ask('/api/v1/whoami');
      setAccess('in');
    } catch (error) {
      setProblem(token === null ? null : error instanceof Error ? error.message : String(error));
      setAccess('refused');
    }
  }, []);
  useEffect(() => void enter(takeToken()), [enter]);
  if (access === 'asking') return <p class="empty">…</p>;
  if (access === 'refused') return <SignIn problem={problem} onToken={(token) => void enter(token)} />;
  return <Page onRefused={() => setAccess('refused')} />;
}

function SignIn({ problem, onToken }: { readonly problem: string | null; readonly onToken: (token: string) => void }) {
  const [token, setToken] = useState('');
  return (
    <form
      class="sign-in"
      onSubmit={(event) => {
        event.preventDefault();
        onToken(token.trim());
      }}
    >
      <h1>Weir</h1>
      <p>Open the sign-in link that the terminal printed, or paste a token.</p>
      {problem !== null && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <label for="token">Token</label>
      <input
        id="token"
        type="password"
        autocomplete="off"
        value={token}
        onInput={(event) => setToken(event.currentTarget.value)}
      />
      <button type="submit">Sign in</button>
    </form>
  );
}

function Page({ onRefused }: { readonly onRefused: () => void }) {
  const [overview, setOverview] = useState<Overview | null>(null);
  const [stream, setStream] = useState<StreamState>('connecting');
  const [problem, setProblem] = useState<string | null>(null);
  /** Grows with each round of asking; everything on the page asks along. */
  const [round, setRound] = useState(0);
  const [resource, setResource] = useState<string | null>(null);

  useEffect(() => {
    let asked = 0;
    let waiting: ReturnType<typeof setTimeout> | null = null;
    const soon = () => {
      if (waiting !== null) return;
      waiting = setTimeout(
        () => {
          waiting = null;
          asked = Date.now();
          setRound((last) => last + 1);
        },
        Math.max(0, asked + REFRESH_MS - Date.now()),
      );
    };
    soon();
    const stop = listenToEvents(soon, setStream);
    const slow = setInterval(soon, 5 * REFRESH_MS);
    return () => {
      stop();
      clearInterval(slow);
      if (waiting !== null) clearTimeout(waiting);
    };
  }, []);

  useEffect(() => {
    if (round === 0) return;
    ask<Overview>('/api/v1/overview')
      .then((answer) => {
        setOverview(answer);
        setProblem(null);
      })
      .catch((error: unknown) => {
        if (error instanceof Refusal && error.status === 401) onRefused();
        else setProblem(error instanceof Error ? error.message : String(error));
      });
  }, [round, onRefused]);

  return (
    <>
      <header class="bar">
        <img src="/favicon.svg" alt="" />
        <h1>Weir</h1>
        <span class="motto">from SNMP counter to bill line</span>
        <span class="live" role="status">
          <span class={`dot ${stream}`} />
          {stream === 'live' ? 'live' : stream === 'lost' ? 'stream lost; what you see may be old' : 'connecting'}
        </span>
      </header>
      {overview?.demo === true && (
        <p class="demo">
          <strong>Demo.</strong> A simulated network answers real SNMP on this machine. It is polled every 5 s into 30 s
          buckets, so that there is something to see within a minute; a real network is polled every 60 s into 5 min
          buckets. Nothing on this page is seeded, and bills are marked DEMO.
        </p>
      )}
      <main>
        {problem !== null && (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
        <Tiles overview={overview} round={round} />
        <div class="columns">
          <Traffic round={round} resource={resource} onResource={setResource} />
          <Alarms round={round} />
        </div>
        <div class="columns">
          <Devices round={round} chosen={resource} onResource={setResource} />
          <Money round={round} />
        </div>
      </main>
    </>
  );
}

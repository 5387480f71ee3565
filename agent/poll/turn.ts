// A device's place in the schedule: when it is due, whether it is being polled, who asked for it, and what its configuration is to become.
import type { Poll } from '../../common/model/poll.ts';
import type { WeirError } from '../../common/runtime/errors.ts';
import type { LearntOfDevice } from './learnt-file.ts';
import type { PolledDevice, ScheduledDevice } from './polled-device.ts';

interface Asked {
  readonly promise: Promise<Poll>;
  readonly resolve: (poll: Poll) => void;
  readonly reject: (error: WeirError) => void;
}

export class Turn {
  readonly polled: PolledDevice;
  /** As it is polled. */
  device: ScheduledDevice;
  /** As it is to be polled after the poll in hand; null: not any more. */
  wanted: ScheduledDevice | null;
  /** Of its regular turn, on the monotonic clock. */
  nextDueMs = 0;
  /** Of a poll before it that is to confirm what the last one said; null: none. */
  confirmDueMs: number | null = null;
  startedMs = Number.NEGATIVE_INFINITY;
  running: Promise<Poll> | null = null;
  asked: Asked | null = null;

  constructor(polled: PolledDevice, device: ScheduledDevice) {
    this.polled = polled;
    this.device = device;
    this.wanted = device;
  }

  get dueMs(): number {
    return this.confirmDueMs ?? this.nextDueMs;
  }

  /** Somebody waits for its next poll. */
  ask(): Promise<Poll> {
    const { promise, resolve, reject } = withResolvers();
    this.asked = { promise, resolve, reject };
    return promise;
  }

  /** Begins a poll, at its turn or beside it; whoever asked for it gets it. */
  begin(startedMs: number, poll: (beside: boolean) => Promise<Poll>): Promise<Poll> {
    this.startedMs = startedMs;
    const asked = this.asked;
    const running = poll(asked !== null || this.confirmDueMs !== null);
    this.running = running;
    this.asked = null;
    if (asked !== null) void running.then(asked.resolve);
    return running;
  }

  /** Whoever waits for a poll waits no more; false where nobody does. */
  giveUp(error: WeirError): boolean {
    const { asked } = this;
    this.asked = null;
    asked?.reject(error);
    return asked !== null;
  }
}

/** What the devices have taught, for the next life of the agent. */
export function learntOf(turns: Iterable<Turn>): Map<string, LearntOfDevice> {
  const learnt = new Map<string, LearntOfDevice>();
  for (const { polled } of turns) {
    const one = polled.learnt();
    if (one !== null) learnt.set(polled.name, one);
  }
  return learnt;
}

function withResolvers(): Asked {
  let resolve: (poll: Poll) => void = () => undefined;
  let reject: (error: WeirError) => void = () => undefined;
  const promise = new Promise<Poll>((onPoll, onError) => {
    resolve = onPoll;
    reject = onError;
  });
  return { promise, resolve, reject };
}

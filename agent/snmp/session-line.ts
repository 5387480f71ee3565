// What a session is told of the thin line that its device stands behind (agent/line), and what it tells of it.

/** Waits its turn; resolves early when the signal aborts. */
export type Pace = (signal?: AbortSignal) => Promise<void>;

/** A thin line to a device, as its session uses it. */
export interface SessionLine {
  readonly name: string;
  readonly requestsPerSecond: number | null;
  readonly inFlight: number | null;
  /** An answer is aimed at this size. */
  readonly answerBytes: number;
  /** A request waits up to this for its answer, where the measured round trip asks for it. */
  readonly timeoutMs: number;
  readonly pacedMs: number;
  readonly pace: Pace;
}

export type ToldLine = Omit<SessionLine, 'pace' | 'pacedMs'>;

export function lineTold({ name, requestsPerSecond, inFlight, answerBytes, timeoutMs }: SessionLine): ToldLine {
  return { name, requestsPerSecond, inFlight, answerBytes, timeoutMs };
}

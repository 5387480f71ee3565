// Spans that are moved and stretched: never beyond now, never too short. Pure.

/** Nothing is told apart below it, and nothing is kept longer at once. */
const LEAST_MS = 60_000;
const MOST_MS = 400 * 86_400_000;

export interface Ends {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Earlier or later by a part of its length; never beyond now. */
export function moved({ fromMs, toMs }: Ends, part: number, now: number): Ends {
  const by = Math.min((toMs - fromMs) * part, Math.max(0, now - toMs));
  return { fromMs: fromMs + by, toMs: toMs + by };
}

/** Longer or shorter by a factor, around an instant that stays where it is. */
export function stretched({ fromMs, toMs }: Ends, factor: number, aroundMs: number, now: number): Ends {
  const length = Math.min(MOST_MS, Math.max(LEAST_MS, (toMs - fromMs) * factor));
  const place = (aroundMs - fromMs) / (toMs - fromMs);
  const begin = aroundMs - place * length;
  const end = Math.min(begin + length, Math.max(now, toMs));
  return { fromMs: end - length, toMs: end };
}

const STEP = 0.25;

/** The span after a key; null where it is no key of a graph. */
export function afterKey(key: string, span: Ends, now: number): Ends | null {
  const middle = (span.fromMs + span.toMs) / 2;
  switch (key) {
    case 'ArrowLeft':
      return moved(span, -STEP, now);
    case 'ArrowRight':
      return moved(span, STEP, now);
    case 'ArrowUp':
    case '+':
      return stretched(span, 0.5, middle, now);
    case 'ArrowDown':
    case '-':
      return stretched(span, 2, middle, now);
    default:
      return null;
  }
}

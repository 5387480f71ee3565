// Tells a person how far a discovery is, no more often than can be read.
import type { Progress } from '../../agent/discover/discovery.ts';

const EVERY_MS = 2000;

/** `now` in milliseconds, from any beginning. */
export function progressTeller(tell: (line: string) => void, now: () => number): (progress: Progress) => void {
  let lastMs = now();
  return (progress) => {
    if (now() - lastMs < EVERY_MS) return;
    lastMs = now();
    tell(progressLine(progress));
  };
}

export function progressLine({ done, total, found, leftMs }: Progress): string {
  const left = leftMs === null ? '' : `, about ${duration(leftMs)} left`;
  return `${done} of ${total} addresses asked, ${found} ${found === 1 ? 'answers' : 'answer'}${left}`;
}

function duration(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

// A reporter that keeps its lines for a test to read instead of printing them.
import { createReporter, type Reporter } from '../../common/runtime/reporter.ts';

export function silentReporter(): { reporter: Reporter; lines: string[] } {
  const lines: string[] = [];
  return { reporter: createReporter({ component: 'test', level: 'debug', write: (line) => lines.push(line) }), lines };
}

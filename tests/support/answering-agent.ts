// An agent of a test: fetches the work of agent-1 and reports results as the test says, in the batch stream of the fixture.
import type { HandedOut } from '../../collector/agents/work-item.ts';
import type { EventDetail } from '../../common/model/event.ts';
import { AGENT, type CollectorFixture } from './collector-fixture.ts';

/** Details of the result, or the code of a failure; null: no result is ever told. */
export type WorkAnswer = Readonly<Record<string, string>> | { readonly failure: string } | null;

export class AnsweringAgent {
  readonly #fixture: CollectorFixture;
  #sequence: number;
  /** Everything that was ever given, as the agent would do it: once. */
  readonly done: HandedOut[] = [];
  answer: (item: HandedOut) => WorkAnswer;

  constructor(fixture: CollectorFixture, sequence: number, answer: (item: HandedOut) => WorkAnswer) {
    this.#fixture = fixture;
    this.#sequence = sequence;
    this.answer = answer;
  }

  /** Fetches once, and answers what is new; true where there was anything. */
  async turn(): Promise<boolean> {
    const place = '/api/v1/agents/agent-1/work?wait=0';
    const { items } = await this.#fixture.get<{ items: HandedOut[] }>(place, AGENT);
    const fresh = items.filter(({ id }) => !this.done.some((one) => one.id === id));
    this.done.push(...fresh);
    const events = fresh.flatMap((item) => {
      const answer = this.answer(item);
      return answer === null ? [] : [eventOf(item, answer)];
    });
    if (events.length === 0) return false;
    await this.report(events);
    return true;
  }

  async report(events: NonNullable<Parameters<CollectorFixture['send']>[0]['events']>): Promise<void> {
    this.#sequence += 1;
    await this.#fixture.receipt({ sequence: this.#sequence, events });
    await this.#fixture.applied(this.#sequence);
  }

  async polls(polls: NonNullable<Parameters<CollectorFixture['send']>[0]['polls']>): Promise<void> {
    this.#sequence += 1;
    await this.#fixture.receipt({ sequence: this.#sequence, polls });
    await this.#fixture.applied(this.#sequence);
  }
}

function eventOf({ id, device, kind }: HandedOut, answer: NonNullable<WorkAnswer>) {
  const failed = 'failure' in answer;
  const details: EventDetail[] = [
    { name: 'work', value: id },
    { name: 'kind', value: kind },
    ...(failed
      ? [
          { name: 'code', value: String(answer['failure']) },
          { name: 'message', value: 'as the test says' },
        ]
      : Object.entries(answer).map(([name, value]) => ({ name, value }))),
  ];
  return {
    id: `result of ${id}`,
    device,
    source: null,
    origin: 'work' as const,
    name: failed ? 'work_failed' : 'work_done',
    observedAtMs: Date.now(),
    uptimeTicks: null,
    interfaceKey: null,
    details,
  };
}

// What silence, tooBig and answers teach of sizes, without a packet; and that loss is not taken for size.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LossEstimate } from '../../../agent/snmp/loss-estimate.ts';
import {
  afterAnswer,
  afterAnswersUnderLoss,
  afterCleanWalk,
  afterRefusal,
  afterRowRefusal,
  FRESH_MEMORY,
  isLimited,
  repetitionsFor,
  sizeAndReason,
  type TableMemory,
} from '../../../agent/snmp/walk-sizing.ts';

const seen = (bytesPerRow: number, rows = 0): TableMemory => ({ ...FRESH_MEMORY, bytesPerRow, rows });

describe('repetitions', () => {
  const cases: readonly [string, TableMemory, number, number][] = [
    ['before anything was seen: a frame of guessed varbinds', FRESH_MEMORY, 10, 5],
    ['a frame of the bytes seen', seen(100), 4, 12],
    ['rows larger than a frame: one', seen(5000), 4, 1],
    ['no more than the rows expected and one to see the end', seen(20, 7), 4, 8],
    ['never above the ceiling', { ...seen(20), ceiling: 3 }, 4, 3],
  ];
  test.each(cases)('%s', (_, memory, columns, repetitions) => {
    expect(repetitionsFor(memory, columns, 0)).toBe(repetitions);
  });

  test('beyond the rows expected few, then more', () => {
    expect([0, 6, 7, 8, 10].map((rows) => repetitionsFor(seen(20, 7), 4, rows))).toEqual([8, 2, 2, 3, 5]);
  });

  test('over a thin line what fits there, and at least a row', () => {
    expect([484, 700, 1400].map((bytes) => repetitionsFor(seen(100), 4, 0, bytes))).toEqual([3, 5, 12]);
    expect(repetitionsFor(seen(5000), 4, 0, 484)).toBe(1);
    expect(sizeAndReason(seen(100), 4, 484)).toEqual({ repetitions: 3, reason: 'line' });
    expect(sizeAndReason(seen(20, 2), 4, 484).reason).toBe('rows');
  });

  const reasons: readonly [TableMemory, string][] = [
    [seen(100), 'frame'],
    [seen(20, 7), 'rows'],
    [afterRefusal(seen(20), 40, 'silence'), 'silence'],
    [afterRefusal(seen(20), 40, 'too_big'), 'too_big'],
    [afterRowRefusal(seen(20), 4, 'silence'), 'silence'],
    [{ ...afterRefusal(seen(20), 40, 'silence'), rows: 3 }, 'rows'],
  ];
  test.each(reasons)('%o: %s', (memory, reason) => {
    expect(sizeAndReason(memory, 4).reason).toBe(reason);
  });
});

describe('limits', () => {
  test('a refusal halves, and the halves end at one', () => {
    let memory = seen(20);
    const ceilings: number[] = [];
    for (let repetitions = 40; repetitions > 1; repetitions = memory.ceiling) {
      memory = afterRefusal(memory, repetitions, 'silence');
      ceilings.push(memory.ceiling);
    }
    expect(ceilings).toEqual([20, 10, 5, 2, 1]);
    expect(isLimited(memory)).toBe(true);
  });

  test('clean walks raise a ceiling by one, ever more slowly after each refusal', () => {
    const walksToRaise = (refusals: number): number => {
      let memory = seen(20);
      for (let turn = 0; turn < refusals; turn += 1) memory = afterRefusal(memory, 16, 'silence');
      for (let walks = 1; ; walks += 1) {
        memory = afterCleanWalk(memory, 50, 4);
        if (memory.ceiling > 8) return walks;
      }
    };
    expect([1, 2, 3, 4, 5, 6].map(walksToRaise)).toEqual([4, 8, 16, 32, 64, 64]);
  });

  test('columns that were split come together again', () => {
    let memory = afterRowRefusal(afterRowRefusal(seen(20), 12, 'silence'), 6, 'silence');
    expect(memory.columnsPerRequest).toBe(3);
    for (let walk = 0; walk < 16; walk += 1) memory = afterCleanWalk(memory, 50, 12);
    expect(memory.columnsPerRequest).toBe(Number.POSITIVE_INFINITY);
  });

  test('an answer as large as one that was refused shows that the refusal was none', () => {
    const memory = { ...afterRefusal(seen(50, 90), 20, 'silence'), ceiling: 20 };
    expect(isLimited(afterAnswer(memory, 50, 19))).toBe(true);
    expect(isLimited(afterAnswer(memory, 20, 20))).toBe(true); // as many rows, but far fewer bytes
    expect(afterAnswer(memory, 50, 20)).toEqual({ ...FRESH_MEMORY, bytesPerRow: 50, rows: 90 });
  });

  test('under loss a ceiling is doubled after some answers, unless the device refused again and again', () => {
    const once = afterRefusal(seen(20), 40, 'silence');
    expect([1, 2, 3, 4].map((answers) => afterAnswersUnderLoss(once, answers, 4).ceiling)).toEqual([20, 20, 20, 40]);
    let often = once;
    for (let turn = 0; turn < 3; turn += 1) often = afterRefusal(often, 40, 'silence');
    expect(afterAnswersUnderLoss(often, 4, 4)).toBe(often);
    const tooBig = afterRefusal(seen(20), 40, 'too_big');
    expect(afterAnswersUnderLoss(tooBig, 4, 4)).toBe(tooBig);
  });

  test('whatever happens, a request asks for at least one row and never more than the ceiling', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('answer' as const), bytes: fc.integer({ min: 1, max: 9000 }) }),
      fc.record({ kind: fc.constant('refusal' as const) }),
      fc.record({ kind: fc.constant('row refusal' as const) }),
      fc.record({ kind: fc.constant('clean' as const), rows: fc.integer({ min: 0, max: 5000 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 30 }), (steps, columns) => {
        let memory = FRESH_MEMORY;
        for (const one of steps) {
          const width = Math.min(columns, memory.columnsPerRequest);
          const repetitions = repetitionsFor(memory, width, 0);
          expect(repetitions).toBeGreaterThanOrEqual(1);
          expect(repetitions).toBeLessThanOrEqual(memory.ceiling);
          if (one.kind === 'answer') memory = afterAnswer(memory, one.bytes, repetitions);
          else if (one.kind === 'clean') memory = afterCleanWalk(memory, one.rows, columns);
          else if (one.kind === 'refusal' && repetitions > 1) memory = afterRefusal(memory, repetitions, 'silence');
          else if (one.kind === 'row refusal' && width > 1) memory = afterRowRefusal(memory, width, 'silence');
        }
        expect(memory.columnsPerRequest).toBeGreaterThanOrEqual(1);
      }),
    );
  });
});

describe('loss', () => {
  const estimate = (retries: readonly number[]): LossEstimate => {
    const loss = new LossEstimate();
    for (const one of retries) loss.answered(one);
    return loss;
  };
  const answers = (count: number, retries: number): number[] => Array.from({ length: count }, () => retries);

  test('without a lost packet three silences are the device', () => {
    expect(estimate([]).mayBeLoss(3)).toBe(false);
    expect(estimate(answers(50, 0)).mayBeLoss(3)).toBe(false);
  });

  test('one lost packet among many says nothing', () => {
    expect(estimate([...answers(100, 0), 1]).mayBeLoss(3)).toBe(false);
    expect(estimate([...answers(100, 0), 1]).lossy).toBe(false);
  });

  test('where every second packet is lost, three silences are asked again, a dozen are the device', () => {
    const loss = estimate(answers(50, 1));
    expect(loss.lossy).toBe(true);
    expect([3, 6, 9, 12].map((attempts) => loss.mayBeLoss(attempts))).toEqual([true, true, true, false]);
  });

  test('a network that recovers is believed again', () => {
    const loss = estimate([...answers(200, 1), ...answers(4000, 0)]);
    expect(loss.lossy).toBe(false);
  });
});

// The form of a file of runbooks and recipes, and what a parsed one means.
import { z } from 'zod';
import { type Expectation, EXPECTATIONS, type Recipe, type Runbook, type Step, type StepKind } from './runbook.ts';
import { selectorOf, selectorShape } from './selector.ts';
import { PLACES, unknownPlaces } from './template.ts';

const name = z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, 'expected small letters, digits and hyphens');
const title = z.string().min(1).max(200);
/** Without it a runbook would run for every alarm. */
const selector = z.strictObject({ ...selectorShape, alarm_types: z.array(z.string()).min(1).max(100) });
const recipeSelector = z.strictObject(selectorShape).prefault({});
const seconds = (most: number) => z.number().min(0).max(most);
const template = (most: number) =>
  z
    .string()
    .max(most)
    .superRefine((text, context) => {
      const [unknown] = unknownPlaces(text);
      if (unknown !== undefined)
        context.addIssue({ code: 'custom', message: `there is no {${unknown}}; there are ${PLACES.join(', ')}` });
    });
const OID = /^[0-2](\.(\d{1,10}|\{[A-Za-z]+\})){1,127}(\.\*)?$/;
const oid = template(1000).regex(
  OID,
  'expected an object identifier in numbers, such as 1.3.6.1.2.1.2.2.1.7.{ifIndex}',
);
const objectOid = oid.refine((text) => !text.endsWith('.*'), 'only one object can be set');

const stepCommon = {
  profiles: z.array(z.string().min(1).max(100)).max(100).default([]),
  timeout_seconds: z.number().min(1).max(120).default(30),
};
const plain = (kind: Exclude<StepKind, 'changes' | 'read'>) => z.strictObject({ do: z.literal(kind), ...stepCommon });
const namedValue = z.union([
  oid,
  z.strictObject({ oid, words: z.record(z.string().max(40), z.string().max(100)).default({}) }),
]);
const step = z.discriminatedUnion('do', [
  plain('poll'),
  plain('ping'),
  plain('traceroute'),
  plain('neighbour'),
  plain('agents'),
  plain('projections'),
  z.strictObject({ do: z.literal('changes'), hours: z.number().min(0.1).max(168).default(24), ...stepCommon }),
  z.strictObject({
    do: z.literal('read'),
    values: z
      .record(z.string().min(1).max(100), namedValue)
      .refine((values) => Object.keys(values).length <= 32, 'at most 32 values in a step'),
    ...stepCommon,
  }),
]);

const runbook = z.strictObject({
  name,
  title,
  for: selector,
  hold_seconds: seconds(3600).default(30),
  steps: z.array(step).min(1).max(12),
  actions: z.array(name).max(20).default([]),
});

const TYPES = ['integer', 'gauge32', 'counter32', 'counter64', 'timeTicks', 'text', 'hex', 'oid', 'ipAddress'] as const;
const value = z.strictObject({ oid: objectOid, type: z.enum(TYPES), value: template(1000) });
const index = z
  .strictObject({
    from: z.enum(PLACES).exclude(['index']),
    match: z.string().min(1).max(200),
    as: z.string().regex(/^[$\d.]{1,60}$/, 'expected digits, dots and $1, $2 …'),
  })
  .transform(({ from, match, as }, context) => {
    try {
      return { from, match: new RegExp(match), as };
    } catch {
      context.addIssue({ code: 'custom', path: ['match'], message: 'expected a regular expression' });
      return z.NEVER;
    }
  });
/** All pauses of a recipe together: an agent does nothing for a single device for longer than two minutes. */
const MOST_PAUSES_SECONDS = 60;

const recipe = z
  .strictObject({
    name,
    title,
    description: z.string().max(1000).default(''),
    for: recipeSelector,
    target: z.enum(['interface', 'outlet', 'device', 'alarm']),
    cuts: z.enum(['port', 'nothing']).default('port'),
    index: index.optional(),
    steps: z
      .array(
        z.strictObject({
          values: z.array(value).min(1).max(8),
          pause_seconds: seconds(MOST_PAUSES_SECONDS).default(0),
        }),
      )
      .max(6)
      .default([]),
    webhook: z.string().min(1).max(63).optional(),
    verify: z
      .strictObject({
        expect: z.array(z.enum(EXPECTATIONS)).max(3).default(['values']),
        within_seconds: z.number().min(5).max(900).default(90),
        values: z
          .array(z.strictObject({ oid: objectOid, value: template(1000) }))
          .max(16)
          .default([]),
      })
      .prefault({}),
    restore: z.enum(['before', 'never']).default('never'),
  })
  .superRefine(checkRecipe);

type RecipeWords = {
  readonly steps: readonly {
    readonly values: readonly { readonly oid: string; readonly value: string }[];
    readonly pause_seconds: number;
  }[];
  readonly webhook?: string | undefined;
  readonly target: Recipe['target'];
  readonly cuts: Recipe['cuts'];
  readonly index?: unknown;
  readonly verify: { readonly expect: readonly Expectation[] };
};

function checkRecipe(words: RecipeWords, context: Pick<z.core.$RefinementCtx, 'addIssue'>): void {
  const tell = (path: (string | number)[], message: string): void =>
    context.addIssue({ code: 'custom', path, message });
  const { steps, webhook, target, cuts, verify } = words;
  if ((webhook === undefined) === (steps.length === 0)) tell(['steps'], 'expected either steps or a webhook');
  if (webhook !== undefined && verify.expect.includes('values') && steps.length === 0)
    tell(['verify', 'expect'], 'a webhook sets no values: expect interface_up or alarm_cleared, or nothing');
  if ((target === 'alarm') !== (webhook !== undefined)) tell(['target'], 'a webhook is for alarm, and nothing else is');
  if (cuts === 'port' && target !== 'interface' && webhook === undefined)
    tell(['cuts'], 'only an interface has paths that can be checked: cuts: nothing');
  if (verify.expect.includes('interface_up') && target !== 'interface')
    tell(['verify', 'expect'], 'interface_up is for interfaces');
  if (steps.reduce((sum, { pause_seconds: pause }) => sum + pause, 0) > MOST_PAUSES_SECONDS)
    tell(['steps'], `the pauses are longer than ${MOST_PAUSES_SECONDS} seconds together`);
  const texts = steps.flatMap(({ values }) => values.flatMap((one) => [one.oid, one.value]));
  if (words.index === undefined && texts.some((text) => text.includes('{index}')))
    tell(['index'], '{index} is used: say what it is made of');
}

export const runbookFileSchema = z.strictObject({
  runbooks: z.array(runbook).max(200).default([]),
  actions: z.array(recipe).max(200).default([]),
});
type ParsedFile = z.output<typeof runbookFileSchema>;

export function runbookOf(parsed: ParsedFile['runbooks'][number]): Runbook {
  return {
    name: parsed.name,
    title: parsed.title,
    selector: selectorOf(parsed.for),
    holdMs: parsed.hold_seconds * 1000,
    steps: parsed.steps.map(stepOf),
    actions: parsed.actions,
  };
}

function stepOf(parsed: ParsedFile['runbooks'][number]['steps'][number]): Step {
  const values = parsed.do === 'read' ? Object.entries(parsed.values) : [];
  return {
    kind: parsed.do,
    profiles: parsed.profiles,
    timeoutMs: parsed.timeout_seconds * 1000,
    values: values.map(([named, held]) =>
      typeof held === 'string' ? { name: named, oid: held, words: {} } : { name: named, ...held },
    ),
    sinceMs: parsed.do === 'changes' ? parsed.hours * 3_600_000 : 0,
  };
}

export function recipeOf(parsed: ParsedFile['actions'][number]): Recipe {
  const { for: selectorWords, index: indexRule, steps, verify, webhook, cuts, ...rest } = parsed;
  return {
    ...rest,
    selector: selectorOf(selectorWords),
    cuts: webhook === undefined ? cuts : 'nothing',
    index: indexRule ?? null,
    steps: steps.map(({ values, pause_seconds: pause }) => ({ values, pauseMs: pause * 1000 })),
    webhook: webhook ?? null,
    verify: { expect: verify.expect, withinMs: verify.within_seconds * 1000, values: verify.values },
  };
}

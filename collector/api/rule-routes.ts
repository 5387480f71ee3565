// Tries other rules of faults on what is stored: how many alarms they would have raised, and how many those of now.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { timeParameter } from '../../common/http/parameters.ts';
import { isoTime } from '../../common/model/time.ts';
import type { Role } from '../../common/runtime/access.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { RuleTest } from '../faults/trial/rule-test.ts';

export interface RuleRoutesDeps {
  readonly rules: Pick<RuleTest, 'run'>;
}

const OPERATORS: readonly Role[] = ['operator'];
const MAX_DAYS = 35;
const DAY_MS = 86_400_000;
const glob = z.string().min(1).max(100).optional();

const question = z.strictObject({
  rules: z
    .looseObject({
      overrides: z
        .array(
          z.strictObject({
            device: glob,
            site: glob,
            tag: glob,
            rules: z.record(z.string(), z.record(z.string(), z.unknown())),
          }),
        )
        .max(1000)
        .default([]),
    })
    .describe('what is to change, in the form of `collector.faults`: fields of rules, and further overrides'),
  from: timeParameter,
  to: timeParameter,
  device: glob.describe('only devices whose name fits; `*` stands for any text'),
  site: glob,
  tag: glob,
  limit: z.number().int().min(0).max(10_000).default(1000).describe('alarms told one by one'),
  seconds: z.number().int().min(1).max(240).default(60).describe('most time that it takes; what is left then is told'),
});

const answer = z.object({
  from: z.string(),
  through: z.string().describe('how far the test came; earlier than `to` where its time was over'),
  devices: z.number().int(),
  polls: z.number().int().describe('that were replayed, those of an hour before `from` among them'),
  present: z.number().int().describe('alarms that the rules of now raise'),
  candidate: z.number().int().describe('alarms that the rules of the question raise'),
  byType: z.array(z.object({ alarmType: z.string(), present: z.number().int(), candidate: z.number().int() })),
  untried: z.array(z.string()).describe('rules of the question that nothing stored can try'),
  notStored: z.record(z.string(), z.string()).describe('all rules that nothing stored can try, and why'),
  items: z.array(
    z.object({
      resource: z.string(),
      alarmType: z.string(),
      qualifier: z.string(),
      worst: z.string(),
      raisedAt: z.string(),
      clearedAt: z.string().nullable().describe('null while it stands at the end'),
      seconds: z.number().int().nullable(),
      text: z.string(),
      present: z.boolean().describe('the rules of now raise the same meanwhile'),
    }),
  ),
  more: z.boolean().describe('there are more than `limit`'),
});

export function addRuleRoutes(routes: DescribedRoutes, { rules }: RuleRoutesDeps): void {
  routes.add(
    {
      method: 'POST',
      url: '/api/v1/rules/test',
      access: OPERATORS,
      summary:
        'Replays stored readings through other rules of faults: what they would have raised beside those of now.',
      body: question,
      answer,
    },
    async ({ body }) => {
      const { from: fromMs, to: toMs } = body;
      if (fromMs >= toMs || toMs - fromMs > MAX_DAYS * DAY_MS)
        throw new WeirError('invalid_request', `from: expected a time before \`to\`, and at most ${MAX_DAYS} days.`);
      const { present, candidate, byType, untried, more, ...found } = await rules.run({
        ...body,
        rules: body.rules,
        fromMs,
        toMs,
        budgetMs: body.seconds * 1000,
      });
      return {
        from: isoTime(found.fromMs),
        through: isoTime(found.throughMs),
        devices: found.devices,
        polls: found.polls,
        present,
        candidate,
        byType: [...byType],
        untried: [...untried],
        notStored: { ...found.notStored },
        items: found.alarms.map(({ raisedAtMs, clearedAtMs, ...alarm }) => ({
          ...alarm,
          raisedAt: isoTime(raisedAtMs),
          clearedAt: clearedAtMs === null ? null : isoTime(clearedAtMs),
          seconds: clearedAtMs === null ? null : Math.round((clearedAtMs - raisedAtMs) / 1000),
        })),
        more,
      };
    },
  );
}

// One page of the bridge's feed as the collector reads it: checked, because what answers at that address need not be the bridge.
import { z } from 'zod';
import { WEEKDAYS } from '../../common/model/local-time.ts';
import { zoneKnown } from '../../common/model/period.ts';
import type { MirroredService } from './service-book.ts';

const name = z.string().min(1).max(500);
const time = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));
const version = z.string().regex(/^\d{1,18}$/);

const minute = z.number().int().min(0).max(1440);
const availability = z.object({
  downWhen: z.enum(['every_port', 'any_port']),
  maintenance: z.enum(['excluded', 'counted']),
  noticeMs: z.number().int().min(0),
  hours: z
    .array(z.object({ days: z.array(z.enum(WEEKDAYS)).max(7), fromMinute: minute, toMinute: minute }))
    .max(50)
    .nullable(),
  zone: z.string().refine(zoneKnown),
});

const feedItem = z.object({
  service: name,
  name: z.string().max(2000),
  customer: z.object({ id: name, name: z.string().max(2000) }),
  from: time,
  to: time.nullable(),
  bindings: z.array(z.object({ device: name, interfaceKey: name, from: time, to: time.nullable() })).max(10_000),
  serviceLevel: z.string().max(40).nullable().optional(),
  availability: availability.nullable().optional(),
  running: z
    .object({
      amount: z.string().regex(/^-?\d{1,30}(\.\d{1,20})?$/),
      currency: z.string().max(10),
      periodStart: time,
      periodEnd: time.optional(),
      until: time,
    })
    .nullable(),
});

const feedPage = z.object({ version, items: z.array(feedItem).max(10_000), next: z.string().max(1000).nullable() });

export interface FeedPage {
  readonly version: string;
  readonly services: readonly MirroredService[];
  /** Cursor of the next page. */
  readonly next: string | null;
}

/** The page, or what is wrong with it in one line. */
export function readFeedPage(body: unknown): FeedPage | string {
  const parsed = feedPage.safeParse(body);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return issue === undefined ? 'no feed' : `${issue.path.join('.')}: ${issue.message}`;
  }
  const { data } = parsed;
  return { version: data.version, next: data.next, services: data.items.map(serviceOf) };
}

function serviceOf(item: z.output<typeof feedItem>): MirroredService {
  return {
    id: item.service,
    name: item.name,
    customer: item.customer,
    fromMs: item.from,
    toMs: item.to,
    bindings: item.bindings.map(({ device, interfaceKey, from, to }) => ({
      device,
      interfaceKey,
      fromMs: from,
      toMs: to,
    })),
    serviceLevel: item.serviceLevel ?? null,
    ...(item.availability == null ? {} : { availability: item.availability }),
    running:
      item.running === null
        ? null
        : {
            amount: item.running.amount,
            currency: item.running.currency,
            periodStartMs: item.running.periodStart,
            untilMs: item.running.until,
            ...(item.running.periodEnd === undefined ? {} : { periodEndMs: item.running.periodEnd }),
          },
  };
}

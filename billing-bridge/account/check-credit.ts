// What is wrong with a service credit of a price plan. Pure.
import type { PlanDocument } from '../contract-schema.ts';
import { type ContractIssue, decimalAbove, issue } from './contract-issue.ts';

type Item = PlanDocument['items'][number];
type ServiceCredit = Extract<Item, { kind: 'service_credit' }>;

export function creditIssues(
  { of, hours, credit, max_percent: most }: ServiceCredit,
  plan: PlanDocument,
  path: readonly (string | number)[],
): ContractIssue[] {
  const found: ContractIssue[] = [];
  const impossible = (place: readonly (string | number)[], message: string): void =>
    void found.push(issue([...path, ...place], 'credit_impossible', message));
  const flat = new Set(plan.items.flatMap((item) => (item.kind === 'flat' ? [item.id] : [])));
  if (of === undefined && flat.size === 0)
    found.push(issue(path, 'credit_of_unknown', 'the plan has no flat item of which to give back'));
  of?.forEach((id, at) => {
    if (!flat.has(id)) found.push(issue([...path, 'of', at], 'credit_of_unknown', `there is no flat item ${id}`));
    if (of.indexOf(id) !== at) found.push(issue([...path, 'of', at], 'duplicate', `${id} stands here a second time`));
  });
  if (hours !== 'always')
    hours.forEach(({ from, to }, at) => {
      if (from >= to)
        found.push(issue([...path, 'hours', at, 'to'], 'bands_crossed', 'hours end after they begin, on the same day'));
    });
  if (decimalAbove(most, '100')) impossible(['max_percent'], 'expected at most 100');
  if ('below' in credit)
    credit.below.forEach(({ availability, percent }, at) => {
      const place = ['credit', 'below', at];
      if (decimalAbove(availability, '100')) impossible([...place, 'availability'], 'expected at most 100');
      if (decimalAbove(percent, '100')) impossible([...place, 'percent'], 'expected at most 100');
      const before = credit.below[at - 1];
      if (before === undefined) return;
      if (!decimalAbove(before.availability, availability))
        impossible([...place, 'availability'], 'expected less than in the row before');
      if (decimalAbove(before.percent, percent))
        impossible([...place, 'percent'], 'less availability gives back no less than more');
    });
  return found;
}

// Messages in words: a subject, a line an alarm, and what a template may name. Pure.
import type { ItemKind, MessageContent, ToldItem } from './told.ts';

const WORDS: Readonly<Record<ItemKind, string>> = {
  raised: 'raised',
  escalated: 'nobody acknowledged',
  changed: 'now',
  acknowledged: 'operators',
  reminder: 'still there',
  cleared: 'cleared',
};

/** Fits into a subject. */
const MAX_TITLE = 200;

export function titleOf(content: MessageContent): string {
  const [first] = content.items;
  const covered = content.items.length + content.folded;
  const title =
    content.kind === 'digest'
      ? `${covered} changes of alarms: ${countsText(content)}`
      : first === undefined
        ? 'nothing'
        : covered === 1
          ? `${headOf(first)}: ${first.text}`
          : `${covered} alarms (${countsText(content)}): ${headOf(first)}: ${first.text}`;
  return oneLine(title).slice(0, MAX_TITLE);
}

function headOf(item: ToldItem): string {
  return `[${item.kind === 'cleared' ? 'cleared' : item.severity}] ${item.resource}`;
}

function countsText({ counts }: MessageContent): string {
  return counts
    .map(({ kind, severity, count }) => `${count} ${kind === 'cleared' ? 'cleared' : `${severity} ${WORDS[kind]}`}`)
    .join(', ');
}

export function lineOf(item: ToldItem): string {
  const { kind, severity, resource, text, operatorState, operator, customers, raisedAt, clearedAt } = item;
  const who =
    operatorState === 'none' ? '' : ` (${operatorState === 'ack' ? 'acknowledged' : 'closed'} by ${operator})`;
  const what = kind === 'cleared' ? 'cleared' : `${severity}, ${WORDS[kind]}`;
  const hits = customers.length === 0 ? '' : ` Customers: ${customers.join(', ')}.`;
  return oneLine(`${clearedAt ?? raisedAt} ${what}: ${resource}: ${text}${who}${hits}`);
}

/** For mail and chats. */
export function bodyOf(content: MessageContent): string {
  const folded = content.folded === 0 ? [] : [`and ${content.folded} more: ${countsText(content)}`];
  return [...content.items.map(lineOf), ...folded].join('\n');
}

/** What `{{…}}` of a template may name. */
export function templateFields(content: MessageContent): Readonly<Record<string, string>> {
  const [first] = content.items;
  return {
    title: titleOf(content),
    body: bodyOf(content),
    count: String(content.items.length + content.folded),
    folded: String(content.folded),
    kind: first?.kind ?? '',
    severity: first?.severity ?? '',
    resource: first?.resource ?? '',
    device: first?.device ?? '',
    site: first?.site ?? '',
    alarm_type: first?.alarmType ?? '',
    text: first?.text ?? '',
    alarm: first?.alarm ?? '',
    raised_at: first?.raisedAt ?? '',
    cleared_at: first?.clearedAt ?? '',
    operator: first?.operator ?? '',
    customers: first?.customers.join(', ') ?? '',
  };
}

/** What devices say of themselves must not begin a line, a header or a message of its own. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ');
}

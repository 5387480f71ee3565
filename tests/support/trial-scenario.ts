// Trials of rules as text: a fault scenario whose polls are replayed through the rules it says, and through others.
//
//   try interface_down.raise_after_ms=120000            rules that are tried instead
//   try-override tag=core interface_down.severity="minor"     an override more
//   expect 1 instead of 3                               alarms raised by those, and by the rules of the scenario
//   expect interface-down core1/p1 major 120s..300s also      each alarm of those tried; `also` where the others raise it meanwhile, `..` where it stands
import { candidateConfig, candidateSchema } from '../../collector/faults/trial/candidate-rules.ts';
import { answerOf } from '../../collector/faults/trial/rule-test.ts';
import { RuleTrial } from '../../collector/faults/trial/rule-trial.ts';
import { RuleBook } from '../../collector/faults/rule-book.ts';
import { inOrder } from '../../collector/faults/in-order.ts';
import { TRAP_RULES } from './fault-machine.ts';
import { parseScenario, SCENARIO_START_MS } from './fault-scenario.ts';
import { silentReporter } from './silent-reporter.ts';

const NO_LABELS = { site: null, tags: [] };

/** What comes of the trial as its expectations say it, and those. */
export function playTrial(text: string): { readonly found: readonly string[]; readonly expected: readonly string[] } {
  const lines = text.split('\n').map((line) => line.replace(/#.*/, '').trim());
  const expected = lines.filter((line) => line.startsWith('expect ')).map((line) => line.slice('expect '.length));
  const rules: Record<string, Record<string, unknown>> = {};
  const overrides: unknown[] = [];
  for (const line of lines) {
    const [verb, ...words] = line.split(/\s+/);
    if (verb === 'try') Object.assign(rules, merged(rules, fieldsOf(words)));
    if (verb === 'try-override') {
      const chosen = words.filter((word) => !word.includes('.'));
      overrides.push({ ...textsOf(chosen), rules: fieldsOf(words.filter((word) => word.includes('.'))) });
    }
  }
  const scenario = parseScenario(lines.filter((line) => !/^(try|try-override|expect) /.test(line)).join('\n'));
  const candidate = candidateSchema.parse({ ...rules, overrides });
  const trialOf = (config: typeof scenario.config): RuleTrial => {
    const labelsOf = (device: string) => scenario.labels.get(device) ?? NO_LABELS;
    const book = new RuleBook(silentReporter().reporter, config, labelsOf, TRAP_RULES);
    const trial = new RuleTrial((device) => book.of(device), scenario.around, SCENARIO_START_MS);
    for (const { batch } of scenario.entries)
      for (const { device, poll, event } of inOrder({ batch }, () => true)) {
        if (poll !== undefined) trial.poll(poll);
        else trial.event(device, event);
      }
    return trial;
  };
  const trials = { present: trialOf(scenario.config), candidate: trialOf(candidateConfig(scenario.config, candidate)) };
  const question = { rules: candidate, limit: 1000, fromMs: SCENARIO_START_MS };
  const answer = answerOf(question, trials, { throughMs: 0, devices: 0, polls: 0 });
  return {
    expected,
    found: [
      `${answer.candidate} instead of ${answer.present}`,
      ...answer.alarms.map(({ alarmType, resource, qualifier, worst, raisedAtMs, clearedAtMs, present }) => {
        const span = `${secondsOf(raisedAtMs)}..${clearedAtMs === null ? '' : secondsOf(clearedAtMs)}`;
        const words = [alarmType, resource, qualifier, worst, span, present ? 'also' : ''];
        return words.filter((word) => word !== '').join(' ');
      }),
    ],
  };
}

function secondsOf(atMs: number): string {
  return `${(atMs - SCENARIO_START_MS) / 1000}s`;
}

function textsOf(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(words.map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]));
}

function fieldsOf(words: readonly string[]): Record<string, Record<string, unknown>> {
  const rules: Record<string, Record<string, unknown>> = {};
  for (const [name, value] of Object.entries(textsOf(words))) {
    const [rule = '', field = ''] = name.split('.');
    rules[rule] = { ...rules[rule], [field]: JSON.parse(value) as unknown };
  }
  return rules;
}

function merged(
  rules: Record<string, Record<string, unknown>>,
  more: Record<string, Record<string, unknown>>,
): Record<string, Record<string, unknown>> {
  return Object.fromEntries(Object.entries(more).map(([name, fields]) => [name, { ...rules[name], ...fields }]));
}

// A webhook of a chat: its body is data with places such as {{title}}, filled as text, so that nothing an alarm says becomes part of the form.
import { resolveSecret } from '../../../common/runtime/secrets.ts';
import { templateFields } from '../message-text.ts';
import type { Message } from '../told.ts';
import type { Channel, ChannelDeps } from './channel.ts';
import { postJson } from '../../../common/send/post-json.ts';

export type Template = string | number | boolean | null | readonly Template[] | { readonly [name: string]: Template };

export interface ChatConfig {
  readonly url: string;
  readonly body: Template;
  /** html: `&`, `<` and `>` are written as Slack wants them, or an interface called `<!channel>` would call everybody. */
  readonly escape: 'none' | 'html';
}

export class Chat implements Channel {
  readonly #config: ChatConfig;
  readonly #deps: ChannelDeps;

  constructor(config: ChatConfig, deps: ChannelDeps) {
    this.#config = config;
    this.#deps = deps;
  }

  async send(message: Message, signal: AbortSignal): Promise<null> {
    const { environment, fetch: send } = this.#deps;
    const { url, body: template, escape } = this.#config;
    const body = JSON.stringify(filled(template, fieldsOf(message, escape)));
    const headers = { 'idempotency-key': message.key };
    await postJson(send, { url: resolveSecret(url, environment), body, headers }, signal);
    return null;
  }
}

function fieldsOf(message: Message, escape: ChatConfig['escape']): Readonly<Record<string, string>> {
  const fields = { ...templateFields(message), key: message.key };
  if (escape === 'none') return fields;
  return Object.fromEntries(Object.entries(fields).map(([name, text]) => [name, html(text)]));
}

function html(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** One pass: what an alarm says is not looked through for places again. */
export function filled(template: Template, fields: Readonly<Record<string, string>>): Template {
  if (typeof template === 'string')
    return template.replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => fields[name] ?? '');
  if (Array.isArray(template)) return template.map((part: Template) => filled(part, fields));
  if (typeof template !== 'object' || template === null) return template;
  return Object.fromEntries(Object.entries(template).map(([name, part]) => [name, filled(part, fields)]));
}

/** Names of places that there are not. */
export function unknownPlaces(template: Template, known: readonly string[]): string[] {
  const places = [...JSON.stringify(template).matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1] ?? '');
  return places.filter((name) => !known.includes(name));
}

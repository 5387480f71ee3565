// A webhook of our own form: signed, and with the key by which a receiver knows a repeat.
import { SIGNATURE_HEADER, signatureOf } from '../../../common/http/webhook-signature.ts';
import { isoTime } from '../../../common/model/time.ts';
import { resolveSecret } from '../../../common/runtime/secrets.ts';
import { titleOf } from '../message-text.ts';
import type { Message } from '../told.ts';
import type { Channel, ChannelDeps } from './channel.ts';
import { postJson } from '../../../common/send/post-json.ts';

export interface WebhookConfig {
  /** References, as every secret. */
  readonly url: string;
  readonly secret: string;
}

export class Webhook implements Channel {
  readonly #config: WebhookConfig;
  readonly #deps: ChannelDeps;

  constructor(config: WebhookConfig, deps: ChannelDeps) {
    this.#config = config;
    this.#deps = deps;
  }

  async send(message: Message, signal: AbortSignal): Promise<null> {
    const { now, environment, fetch: send } = this.#deps;
    const { id, key, channel, kind, items, counts, folded, createdAtMs } = message;
    const body = JSON.stringify({
      id,
      key,
      channel,
      kind,
      title: titleOf(message),
      writtenAt: isoTime(createdAtMs),
      alarms: items,
      counts,
      folded,
    });
    const headers = {
      'idempotency-key': key,
      [SIGNATURE_HEADER]: signatureOf(resolveSecret(this.#config.secret, environment), body, now()),
    };
    await postJson(send, { url: resolveSecret(this.#config.url, environment), body, headers }, signal);
    return null;
  }
}

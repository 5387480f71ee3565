// Sends the webhook of an action once, signed, with the key of the action: an answer that is lost is a doubt and never a reason to send again.
import { SIGNATURE_HEADER, signatureOf } from '../../common/http/webhook-signature.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { codeOf, messageOf, WeirError } from '../../common/runtime/errors.ts';
import { resolveSecret } from '../../common/runtime/secrets.ts';
import { plainWords } from './entry.ts';
import type { WebhookConfig } from './repair-config.ts';

export interface WebhookSenderDeps {
  readonly clock: Pick<Clock, 'now'>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Throws channel_refused where surely nothing arrived, channel_unsure else. */
  readonly post: (
    request: { readonly url: string; readonly body: string; readonly headers: Readonly<Record<string, string>> },
    signal: AbortSignal,
  ) => Promise<void>;
}

export interface Sent {
  readonly outcome: 'done' | 'unknown' | 'never';
  readonly message: string;
}

export class WebhookSender {
  readonly #webhooks: ReadonlyMap<string, WebhookConfig>;
  readonly #deps: WebhookSenderDeps;

  constructor(webhooks: ReadonlyMap<string, WebhookConfig>, deps: WebhookSenderDeps) {
    this.#webhooks = webhooks;
    this.#deps = deps;
  }

  /** Never rejects. */
  async send(name: string, { key, body }: { readonly key: string; readonly body: object }): Promise<Sent> {
    try {
      await this.#post(name, key, JSON.stringify(body));
      return { outcome: 'done', message: 'the receiver has taken it' };
    } catch (error) {
      const sure = ['channel_refused', 'secret_unresolved', 'not_found'].includes(codeOf(error));
      return { outcome: sure ? 'never' : 'unknown', message: plainWords(`${codeOf(error)}: ${messageOf(error)}`) };
    }
  }

  async #post(name: string, key: string, body: string): Promise<void> {
    const { clock, environment, post } = this.#deps;
    const webhook = this.#webhooks.get(name);
    if (webhook === undefined) throw new WeirError('not_found', `There is no webhook ${name}.`, { webhook: name });
    const headers = {
      'idempotency-key': key,
      [SIGNATURE_HEADER]: signatureOf(resolveSecret(webhook.secret, environment), body, clock.now()),
    };
    const url = resolveSecret(webhook.url, environment);
    await post({ url, body, headers }, AbortSignal.timeout(webhook.timeoutMs));
  }
}

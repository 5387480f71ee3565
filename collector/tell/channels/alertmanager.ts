// Prometheus Alertmanager, API v2: an alert is told again and again while it is raised, because a receiver of it forgets what it is not told.
import type { DurationMs } from '../../../common/model/time.ts';
import { isoTime } from '../../../common/model/time.ts';
import { resolveSecret } from '../../../common/runtime/secrets.ts';
import { SEVERITY_RANK } from '../route.ts';
import type { Message, ToldItem } from '../told.ts';
import type { Channel, ChannelDeps } from './channel.ts';
import { postJson } from '../../../common/send/post-json.ts';

export interface AlertmanagerConfig {
  readonly url: string;
  /** Of a proxy before it: the value of the header; null without. */
  readonly authorization: string | null;
  readonly resendMs: DurationMs;
}

/** An alert that was not told again for so many rounds is over for Alertmanager. */
const ROUNDS = 5;
const MAX_ALERTS = 500;

export class Alertmanager implements Channel {
  readonly #config: AlertmanagerConfig;
  readonly #deps: ChannelDeps;
  readonly refresh: NonNullable<Channel['refresh']>;

  constructor(config: AlertmanagerConfig, deps: ChannelDeps) {
    this.#config = config;
    this.#deps = deps;
    this.refresh = {
      everyMs: config.resendMs,
      send: async (items, signal) => {
        for (let at = 0; at < items.length; at += MAX_ALERTS)
          await this.#post(
            items.slice(at, at + MAX_ALERTS).map((item) => this.#alertOf(item, item.severity)),
            signal,
          );
      },
    };
  }

  async send(message: Message, signal: AbortSignal): Promise<null> {
    const alerts = message.items.flatMap((item) => {
      // Routes there go by severity, so it is a label, and an alert with another severity is another alert: those before are over.
      const others = item.kind === 'changed' || item.kind === 'cleared' ? Object.keys(SEVERITY_RANK) : [item.severity];
      return others.map((severity) => this.#alertOf(item, severity));
    });
    await this.#post(alerts, signal);
    return null;
  }

  #alertOf(item: ToldItem, severity: string): object {
    const nowMs = this.#deps.now();
    const raisedMs = Math.min(Date.parse(item.raisedAt), nowMs);
    const isOver = item.kind === 'cleared' || severity !== item.severity;
    const endsMs = isOver ? Math.max(raisedMs, nowMs) : nowMs + ROUNDS * this.#config.resendMs;
    const labels = {
      alertname: item.alarmType,
      severity,
      resource: item.resource,
      device: item.device ?? '',
      site: item.site ?? '',
      qualifier: item.qualifier,
      weir_alarm: item.alarm,
    };
    return {
      // An empty label is none.
      labels: Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== '')),
      annotations: { summary: item.text, customers: item.customers.join(', '), operator_state: item.operatorState },
      startsAt: isoTime(raisedMs),
      endsAt: isoTime(endsMs),
    };
  }

  async #post(alerts: readonly object[], signal: AbortSignal): Promise<void> {
    const { environment, fetch: send } = this.#deps;
    const { url, authorization } = this.#config;
    const place = `${resolveSecret(url, environment).replace(/\/+$/, '')}/api/v2/alerts`;
    const headers = authorization === null ? {} : { authorization: resolveSecret(authorization, environment) };
    await postJson(send, { url: place, body: JSON.stringify(alerts), headers: { ...headers } }, signal);
  }
}

// A channel as its settings say.
import type { ChannelConfig } from '../telling-config.ts';
import { Alertmanager } from './alertmanager.ts';
import type { Channel, ChannelDeps } from './channel.ts';
import { Chat } from './chat.ts';
import { Email } from './email.ts';
import { Syslog } from './syslog.ts';
import { Webhook } from './webhook.ts';

export function makeChannel(config: ChannelConfig, deps: ChannelDeps): Channel {
  switch (config.kind) {
    case 'webhook':
      return new Webhook(config, deps);
    case 'chat':
      return new Chat(config, deps);
    case 'alertmanager':
      return new Alertmanager(
        { url: config.url, authorization: config.authorization ?? null, resendMs: config.resend_ms },
        deps,
      );
    case 'email': {
      const { host, port, security, user = null, password = null, from, to, timeout_ms: timeoutMs } = config;
      return new Email({ host, port, security, user, password, from, to, timeoutMs }, deps);
    }
    case 'syslog': {
      const { host, port, transport, facility, hostname } = config;
      return new Syslog({ host, port, transport, facility, hostname });
    }
  }
}

// One mail over SMTP: sent under the Message-ID it is given, and a failure says whether somebody may have it all the same.
import { createTransport } from 'nodemailer';
import type { DurationMs, EpochMs } from '../model/time.ts';
import { resolveSecret } from '../runtime/secrets.ts';
import { failureOf, refused, unsure } from './send-failure.ts';

export interface SmtpServer {
  readonly host: string;
  readonly port: number;
  /** starttls: asked for, and nothing is sent where the server has it not; tls: from the first octet. */
  readonly security: 'none' | 'starttls' | 'tls';
  /** References; null without a sign-in. */
  readonly user: string | null;
  readonly password: string | null;
  readonly timeoutMs: DurationMs;
}

export interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  readonly replyTo?: string;
  readonly subject: string;
  readonly text: string;
  /** In angle brackets, as `messageId` makes it. */
  readonly messageId: string;
  /** What it answers to comes first. */
  readonly references?: readonly string[];
  readonly dateMs: EpochMs;
  readonly headers?: Readonly<Record<string, string>>;
  readonly attachments?: readonly { readonly name: string; readonly type: string; readonly content: Buffer }[];
}

/** Until the text itself is sent nobody has it. The library says CONN also where the connection broke later. */
const BEFORE_TEXT = /^(EHLO|HELO|LHLO|STARTTLS|AUTH|MAIL|RCPT)/;

/** Under the domain of the sender. */
export function messageId(key: string, from: string): string {
  const domain = /@([A-Za-z0-9.-]+)/.exec(from)?.[1] ?? 'weir.invalid';
  return `<${key}@${domain}>`;
}

/** Resolves once the server has taken it, with a remark for people or null. Throws channel_refused, channel_unsure or secret_unresolved. */
export async function sendMail(
  server: SmtpServer,
  environment: Readonly<Record<string, string | undefined>>,
  mail: Mail,
): Promise<string | null> {
  const transport = createTransport(optionsOf(server, environment));
  const [thread] = mail.references ?? [];
  try {
    const { rejected } = await transport.sendMail({
      from: mail.from,
      to: [...mail.to],
      ...(mail.replyTo === undefined ? {} : { replyTo: mail.replyTo }),
      subject: mail.subject,
      text: mail.text,
      messageId: mail.messageId,
      date: new Date(mail.dateMs),
      ...(thread === undefined ? {} : { inReplyTo: thread, references: [...(mail.references ?? [])] }),
      headers: { 'Auto-Submitted': 'auto-generated', ...mail.headers },
      attachments: (mail.attachments ?? []).map(({ name, type, content }) => ({
        filename: name,
        contentType: type,
        content,
      })),
    });
    return rejected.length === 0 ? null : `${rejected.length} of ${mail.to.length} recipients were refused`;
  } catch (error) {
    throw mailFailure(error);
  } finally {
    transport.close();
  }
}

function optionsOf(server: SmtpServer, environment: Readonly<Record<string, string | undefined>>) {
  const { host, port, security, user, password, timeoutMs } = server;
  const auth = {
    user: user === null ? '' : resolveSecret(user, environment),
    pass: password === null ? '' : resolveSecret(password, environment),
  };
  return {
    host,
    port,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    ...(user === null ? {} : { auth }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

function mailFailure(error: unknown): Error {
  if (!(error instanceof Error)) return failureOf(error);
  const command = 'command' in error && typeof error.command === 'string' ? error.command : '';
  const status = 'responseCode' in error && typeof error.responseCode === 'number' ? error.responseCode : null;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'failure';
  const what = status === null ? `SMTP: ${code}` : `SMTP: the server answers ${status}`;
  // An answer is a refusal, also one to the text.
  if (status !== null || BEFORE_TEXT.test(command)) return refused(what, error);
  // Nothing was sent before there was a connection.
  if ('syscall' in error && (error.syscall === 'connect' || error.syscall === 'getaddrinfo'))
    return refused(what, error);
  return unsure(what, error);
}

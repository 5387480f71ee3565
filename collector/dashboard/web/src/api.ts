// Everything the page asks of the server: JSON with the session cookie, coded refusals.

export class Refusal extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export async function ask<T>(path: string, init?: RequestInit): Promise<T> {
  const answer = await fetch(path, { credentials: 'same-origin', ...init }).catch(() => {
    throw new Refusal(0, 'unreachable', 'The collector does not answer.');
  });
  if (answer.status === 204) return undefined as T;
  const body: unknown = await answer.json().catch(() => null);
  if (answer.ok) return body as T;
  const error =
    typeof body === 'object' && body !== null && 'error' in body
      ? (body.error as { code?: string; message?: string })
      : {};
  throw new Refusal(
    answer.status,
    error.code ?? 'unexpected',
    error.message ?? `The server answered ${answer.status}.`,
  );
}

/** Trades a token for a session cookie that no script can read. */
export async function signIn(token: string): Promise<void> {
  await ask('/api/v1/session', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token }),
  });
}

export async function signOut(): Promise<void> {
  await ask('/api/v1/session', { method: 'DELETE' });
}

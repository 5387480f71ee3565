// Questions to several collectors: which one is asked, what is an answer, and what is said where there is none.
import { expect, test } from 'vitest';
import { FailOverQuestions } from '../../../agent/ship/collector-questions.ts';
import type { HttpAnswer, HttpRequest } from '../../../agent/ship/http-client.ts';
import { WeirError } from '../../../common/runtime/errors.ts';

type Said = number | WeirError;

interface Rig {
  readonly questions: FailOverQuestions;
  readonly requests: HttpRequest[];
}

function rig(say: (url: string) => Said, token: () => string = () => 'a-token'): Rig {
  const requests: HttpRequest[] = [];
  const http = {
    request: async (request: HttpRequest): Promise<HttpAnswer> => {
      requests.push(request);
      const said = say(new URL(request.url).host);
      if (said instanceof WeirError) throw said;
      const body = said < 400 ? '{}' : '{"error":{"code":"agent_mismatch","message":"not yours"}}';
      return { status: said, headers: {}, body: Buffer.from(said === 502 ? '<html>' : body) };
    },
  };
  return { questions: new FailOverQuestions(['http://one', 'http://two'], { http, token }), requests };
}

const question = { place: '/api/v1/x', timeoutMs: 1, mostAnswerBytes: 1, signal: new AbortController().signal };
const hosts = (requests: readonly HttpRequest[]): string[] => requests.map(({ url }) => new URL(url).host);
const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'answered',
    (error: unknown) => error,
  );

test('an answer is an answer, also that nothing changed; the token goes with each question', async () => {
  const { questions, requests } = rig(() => 304);
  expect((await questions.ask({ ...question, headers: { 'if-none-match': '"1"' } })).status).toBe(304);
  expect(requests[0]).toMatchObject({
    method: 'GET',
    url: 'http://one/api/v1/x',
    headers: { authorization: 'Bearer a-token', 'if-none-match': '"1"' },
  });
});

test.for([
  ['cannot be reached', new WeirError('collector_unreachable', 'away')],
  ['has a wrong certificate', new WeirError('collector_certificate_expired', 'old')],
  ['fails', 500],
  ['is not there behind its proxy', 502],
  ['has too much to do', 429],
] as const)('where one %s the other is asked, and from then on', async ([, said]) => {
  const { questions, requests } = rig((host) => (host === 'one' ? said : 200));
  await questions.ask(question);
  await questions.ask(question);
  expect(hosts(requests)).toEqual(['one', 'two', 'two']);
});

test('where none can be had, each is asked once, and the last says why', async () => {
  const { questions, requests } = rig((host) =>
    host === 'one' ? 502 : new WeirError('collector_unreachable', 'away'),
  );
  expect(await codeOf(questions.ask(question))).toMatchObject({ code: 'collector_unreachable', message: 'away' });
  expect(hosts(requests)).toEqual(['one', 'two']);
});

test.for([403, 404, 301])('a no (%i) is a no of all: nobody else is asked', async (status) => {
  const { questions, requests } = rig(() => status);
  expect(await codeOf(questions.ask(question))).toMatchObject({
    code: 'collector_refused',
    detail: { status, code: status === 301 ? 'unexpected' : 'agent_mismatch' },
  });
  expect(hosts(requests)).toEqual(['one']);
});

test('without a token nobody is asked', async () => {
  const { questions, requests } = rig(
    () => 200,
    () => {
      throw new WeirError('secret_unresolved', 'no token');
    },
  );
  expect(await codeOf(questions.ask(question))).toMatchObject({ code: 'secret_unresolved' });
  expect(requests).toEqual([]);
});

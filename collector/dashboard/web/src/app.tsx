// The way in: a link with a token, a cookie from before, or a token that is pasted; and the whole page anew in another language.
import { useCallback, useEffect, useState } from 'preact/hooks';
import { ask, Refusal, signIn, signOut } from './api.ts';
import { Shell } from './shell.tsx';
import { SignIn } from './sign-in.tsx';
import type { Who } from './types.ts';
import { chooseLanguage, type Language, language, t } from './words.ts';

function takeToken(): string | null {
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  // The token must not stay in the address, the history or a screenshot.
  if (token !== null) history.replaceState(null, '', location.pathname + location.search);
  return token;
}

type Access =
  | { readonly state: 'asking' }
  | { readonly state: 'refused'; readonly problem: string | null }
  | { readonly state: 'in'; readonly who: Who };

/** Without a token that was tried, being nobody is no mistake; a server that does not answer is. */
function problemOf(error: unknown, tried: boolean): string | null {
  if (!tried && error instanceof Refusal && error.status === 401) return null;
  return error instanceof Error ? error.message : String(error);
}

export function App() {
  const [access, setAccess] = useState<Access>({ state: 'asking' });
  const [spoken, setSpoken] = useState<Language>(language());
  const enter = useCallback(async (token: string | null) => {
    try {
      if (token !== null) await signIn(token);
      setAccess({ state: 'in', who: await ask<Who>('/api/v1/whoami') });
    } catch (error) {
      setAccess({ state: 'refused', problem: problemOf(error, token !== null) });
    }
  }, []);
  useEffect(() => void enter(takeToken()), [enter]);
  // A sign-in link opened in a page that is open already changes nothing but the part behind `#`.
  useEffect(() => {
    const again = () => {
      const token = takeToken();
      if (token !== null) void enter(token);
    };
    addEventListener('hashchange', again);
    return () => removeEventListener('hashchange', again);
  }, [enter]);
  const leave = useCallback(() => {
    void signOut().finally(() => setAccess({ state: 'refused', problem: null }));
  }, []);
  const refused = useCallback(() => setAccess({ state: 'refused', problem: t('signIn.ended') }), []);
  const speak = useCallback((wanted: Language) => {
    chooseLanguage(wanted);
    setSpoken(wanted);
  }, []);
  if (access.state === 'asking') return <p class="empty">…</p>;
  if (access.state === 'refused') return <SignIn problem={access.problem} onToken={(token) => void enter(token)} />;
  return <Shell key={spoken} who={access.who} onRefused={refused} onLeave={leave} onLanguage={speak} />;
}

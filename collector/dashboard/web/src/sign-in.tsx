// Asks for a token where none opened the page.
import { useState } from 'preact/hooks';
import { Problem } from './problem.tsx';
import { t } from './words.ts';

interface SignInProps {
  readonly problem: string | null;
  readonly onToken: (token: string) => void;
}

export function SignIn({ problem, onToken }: SignInProps) {
  const [token, setToken] = useState('');
  return (
    <main>
      <form
        class="sign-in"
        onSubmit={(event) => {
          event.preventDefault();
          if (token.trim() !== '') onToken(token.trim());
        }}
      >
        <h1>
          <img src="/favicon.svg" alt="" /> Weir
        </h1>
        <p>{t('signIn.how')}</p>
        <Problem text={problem} />
        <label for="token">{t('signIn.token')}</label>
        <input
          id="token"
          type="password"
          autocomplete="off"
          value={token}
          onInput={(event) => setToken(event.currentTarget.value)}
        />
        <button type="submit">{t('signIn.do')}</button>
      </form>
    </main>
  );
}

// Asks for a token where none opened the page.
import { useState } from 'preact/hooks';
import { Problem } from './problem.tsx';

interface SignInProps {
  readonly problem: string | null;
  readonly onToken: (token: string) => void;
}

export function SignIn({ problem, onToken }: SignInProps) {
  const [token, setToken] = useState('');
  return (
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
      <p>Open the sign-in link that the terminal printed, or paste a token.</p>
      <Problem text={problem} />
      <label for="token">Token</label>
      <input
        id="token"
        type="password"
        autocomplete="off"
        value={token}
        onInput={(event) => setToken(event.currentTarget.value)}
      />
      <button type="submit">Sign in</button>
    </form>
  );
}

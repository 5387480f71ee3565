// Who looks at the page, for every view that shows less to some.
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { May } from './may.ts';
import type { Who } from './types.ts';

export interface Reader {
  readonly who: Who;
  readonly may: May;
}

export const ReaderContext = createContext<Reader | null>(null);

export function useReader(): Reader {
  const reader = useContext(ReaderContext);
  if (reader === null) throw new Error('BUG: a view without a reader');
  return reader;
}

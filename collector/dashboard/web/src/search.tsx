// One box for everything: devices, addresses, interfaces by name, alias or MAC address, customers and services.
import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { ask } from './api.ts';
import { go, hrefOf, hrefOfResource } from './place.ts';
import { useReader } from './reader.ts';
import { t } from './words.ts';

interface Found {
  readonly kind: 'device' | 'interface' | 'customer' | 'service' | 'alarm';
  readonly name: string;
  readonly text: string;
  readonly resource: string | null;
  readonly customer: string | null;
}

const WAIT_MS = 200;
const AGAIN_MS = 2000;
const LEAST = 2;

function hrefOfFound({ kind, name, resource, customer }: Found): string {
  if (kind === 'customer') return hrefOf(['usage', name]);
  if (kind === 'service') return hrefOf(['usage', customer ?? '']);
  return kind === 'device' ? hrefOf(['devices', name]) : hrefOfResource(resource ?? name);
}

/** The key `/` leads into the box. */
function useSlash(box: RefObject<HTMLInputElement | null>): void {
  // Before the box is seen: who sees it may press the key.
  useLayoutEffect(() => {
    const pressed = (event: KeyboardEvent): void => {
      const { target } = event;
      const typing = target instanceof HTMLElement && /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName);
      if (event.key !== '/' || typing) return;
      event.preventDefault();
      box.current?.focus();
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  }, []);
}

/** What is found for these very words, a moment after the last key: Enter must not open what was found for others. */
function useFound(words: string): readonly Found[] | null {
  const [found, setFound] = useState<{ readonly words: string; readonly items: readonly Found[] } | null>(null);
  const wanted = words.trim();
  useEffect(() => {
    if (wanted.length < LEAST) {
      setFound(null);
      return undefined;
    }
    let over = false;
    let waiting = setTimeout(look, WAIT_MS);
    function look(): void {
      ask<{ items: readonly Found[] }>(`/api/v1/search?${new URLSearchParams({ q: wanted }).toString()}`)
        .then(({ items }) => setFound({ words: wanted, items }))
        // No answer is not "nothing found": asked again while the words stand.
        .catch(() => {
          if (!over) waiting = setTimeout(look, AGAIN_MS);
        });
    }
    return () => {
      over = true;
      clearTimeout(waiting);
    };
  }, [wanted]);
  return found?.words === wanted ? found.items : null;
}

export function Search() {
  const { may } = useReader();
  const [words, setWords] = useState('');
  const found = useFound(words);
  const [at, setAt] = useState(0);
  const box = useRef<HTMLInputElement>(null);
  useSlash(box);
  if (!may.network && !may.customers) return null;
  const open = (one: Found | undefined): void => {
    if (one === undefined) return;
    setWords('');
    box.current?.blur();
    go(hrefOfFound(one));
  };
  return (
    <search class="search">
      <input
        ref={box}
        type="text"
        list={undefined}
        value={words}
        placeholder={t('search')}
        aria-label={t('search.label')}
        role="combobox"
        aria-expanded={found !== null}
        aria-controls="found"
        aria-activedescendant={found !== null && found.length > 0 ? `found-${at}` : undefined}
        onInput={(event) => {
          setAt(0);
          setWords(event.currentTarget.value);
        }}
        onKeyDown={(event) => {
          const last = (found?.length ?? 0) - 1;
          if (event.key === 'ArrowDown') setAt(Math.min(last, at + 1));
          else if (event.key === 'ArrowUp') setAt(Math.max(0, at - 1));
          else if (event.key === 'Enter') open(found?.[at]);
          else if (event.key === 'Escape') setWords('');
          else return;
          event.preventDefault();
        }}
      />
      {found !== null && (
        <ul id="found" role="listbox" aria-label={t('search.found')}>
          {found.length === 0 && <li class="note">{t('search.nothing')}</li>}
          {found.map((one, place) => (
            <li
              key={`${one.kind} ${one.resource ?? one.name}`}
              id={`found-${place}`}
              role="option"
              aria-selected={place === at}
              onPointerDown={(event) => {
                event.preventDefault();
                open(one);
              }}
            >
              <span class="note">{t(`search.${one.kind}`)}</span> <bdi>{one.resource ?? one.name}</bdi>{' '}
              <span class="note">
                <bdi>{one.text}</bdi>
              </span>
            </li>
          ))}
        </ul>
      )}
    </search>
  );
}

// Which addresses other systems may have told: those that an administrator named, and nothing else. Pure.

/** Whether an administrator has allowed the address: the same origin, and a path at or below. */
export function isAllowed(callback: string, listeners: readonly string[]): boolean {
  if (!URL.canParse(callback)) return false;
  const url = new URL(callback);
  if (!/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '' || url.hash !== '') return false;
  return listeners.some((listener) => {
    const allowed = new URL(listener);
    const above = allowed.pathname.endsWith('/') ? allowed.pathname : `${allowed.pathname}/`;
    if (url.origin !== allowed.origin) return false;
    return url.pathname === allowed.pathname || (url.pathname.startsWith(above) && staysBelow(url.pathname, above));
  });
}

/** A receiver may read `..%2f` as the way up that it stands for. */
function staysBelow(pathname: string, above: string): boolean {
  return !/%(2f|5c)/i.test(pathname.slice(above.length));
}

// What tells a repeat of the same request from a second one: made with the form, and anew once it was done.

/** Also where the page has no secure context, which `randomUUID` wants. */
export function requestId(): string {
  return [...crypto.getRandomValues(new Uint8Array(12))].map((one) => one.toString(16).padStart(2, '0')).join('');
}

const PLACEHOLDER = "__NONCE__"; // stays in index.html where no server has put a nonce

/**
 * The nonce with which the server allows styles made here; the placeholder of index.html is none.
 */
export function styleNonce(): string | undefined {
  const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content;
  return nonce && nonce !== PLACEHOLDER ? nonce : undefined;
}

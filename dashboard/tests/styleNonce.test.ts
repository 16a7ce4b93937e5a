import { afterEach, expect, test } from "vitest";
import { styleNonce } from "../src/ui/styleNonce";

const show = (content: string) => {
  document.head.innerHTML = `<meta name="csp-nonce" content="${content}" />`;
};

afterEach(() => {
  document.head.innerHTML = "";
});

test("a nonce may begin like the placeholder: one in 4,096 does", () => {
  show("__YRw8y4We3_rYD2xPKRSfS5");
  expect(styleNonce()).toBe("__YRw8y4We3_rYD2xPKRSfS5");
});

test("the placeholder is no nonce, and neither is nothing", () => {
  expect(styleNonce()).toBeUndefined();
  show("__NONCE__");
  expect(styleNonce()).toBeUndefined();
});

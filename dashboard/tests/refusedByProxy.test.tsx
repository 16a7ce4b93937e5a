import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { type ReactElement, useState } from "react";
import { afterEach, beforeAll, expect, test, vi } from "vitest";
import { allMessages, Language } from "../src/i18n/i18n";
import { ConfirmUpload } from "../src/upload/ConfirmUpload";
import type { UploadStep } from "../src/upload/uploadStep";

/** As nginx sends it for a body over `client_max_body_size`. */
const NGINX_413 = `<html>
<head><title>413 Request Entity Too Large</title></head>
<body>
<center><h1>413 Request Entity Too Large</h1></center>
<hr><center>nginx/1.22.1</center>
</body>
</html>
`;
beforeAll(() => allMessages);
afterEach(() => vi.unstubAllGlobals());

/** A browser whose uploads are answered like this; its keys are kept. */
function answerUploads(status: number, body: string): string[] {
  const keys: string[] = [];
  class Answered {
    upload = {};
    status = status;
    responseText = body;
    onload = (): void => undefined;
    open(): void {}
    abort(): void {}
    setRequestHeader(name: string, value: string): void {
      if (name === "Idempotency-Key") keys.push(value);
    }
    send(): void {
      queueMicrotask(() => this.onload());
    }
  }
  vi.stubGlobal("XMLHttpRequest", Answered);
  return keys;
}

function Upload(): ReactElement {
  const body = new Blob(["roster"]);
  const file = { name: "roster.xml", bytes: 6, sha256: "ab".repeat(32), body };
  const [step, setStep] = useState<UploadStep>({ at: "confirm", file, previous: null });
  return step.at === "confirm" ? <ConfirmUpload step={step} setStep={setStep} /> : <p>{step.at}</p>;
}

async function sendOnce(): Promise<string> {
  await userEvent.click(screen.getByRole("button", { name: /upload|send/i }));
  return (await screen.findByRole("alert")).textContent;
}

test("a page of nginx is said to be a proxy's refusal, with its limit and that nothing was taken", async () => {
  const keys = answerUploads(413, NGINX_413);
  render(<Language>{<Upload />}</Language>);
  const said = await sendOnce();
  expect(said).toContain("The file is too large for something between your browser and the system");
  expect(said).toContain("(a proxy)");
  expect(said).toContain("Nothing was taken");
  expect(said).toContain("it must let through uploads of 100 MB");
  expect(said).toContain("Do not send it again as it is");
  expect(said).not.toMatch(/try again|html|nginx|undefined/i);
  expect(screen.queryByText(/already/i)).toBeNull();
  await sendOnce();
  expect(new Set(keys).size).toBe(2); // nothing is kept open of a try that took nothing
});

test("a page of a proxy that may have passed the file on does not say that nothing was taken", async () => {
  const keys = answerUploads(502, NGINX_413.replaceAll("413 Request Entity Too Large", "502"));
  render(<Language>{<Upload />}</Language>);
  expect(await sendOnce()).not.toContain("Nothing was taken");
  await sendOnce();
  expect(new Set(keys).size).toBe(1);
});

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { api, type Batch } from "../src/api/client";
import { Problem } from "../src/api/problem";
import type { Person } from "../src/api/session";
import { SignedInContext, type SignedIn } from "../src/api/signedIn";
import { mayChoosePeriod, PeriodChoice } from "../src/batch/PeriodChoice";
import { Language } from "../src/i18n/i18n";

const CHOICES = ["2026-11-09", "2026-11-23"];
const PATH = "/api/v1/batches/{batch_id}/period";

function batch(status: Batch["status"], choices: string[] = CHOICES): Batch {
  return { batch_id: "b1", status, period_choices: choices } as unknown as Batch;
}

function person(...roles: string[]): Person {
  return { id: "peter", name: "Peter", roles } as unknown as Person;
}

function show(): () => void {
  const onChosen = vi.fn();
  render(
    <QueryClientProvider client={new QueryClient()}>
      <SignedInContext value={{ me: person("preparer") } as unknown as SignedIn}>
        <Language>
          <PeriodChoice batch={batch("ready")} onChosen={onChosen} />
        </Language>
      </SignedInContext>
    </QueryClientProvider>,
  );
  return onChosen;
}

test("a preparer chooses the period of a ready batch that has choices, and nobody else", () => {
  expect(mayChoosePeriod(batch("ready"), person("preparer"))).toBe(true);
  expect(mayChoosePeriod(batch("ready"), person("preparer", "approver"))).toBe(true);
  expect(mayChoosePeriod(batch("ready", []), person("preparer"))).toBe(false);
  expect(mayChoosePeriod(batch("ready"), person("approver", "auditor"))).toBe(false);
  expect(mayChoosePeriod(batch("checking"), person("preparer"))).toBe(false);
  expect(mayChoosePeriod(batch("approved"), person("preparer"))).toBe(false);
});

test("each choice is a button with its date, and sends that period once", async () => {
  const post = vi.spyOn(api, "POST").mockResolvedValue({ data: {}, response: new Response() });
  const onChosen = show();
  const other = await screen.findByRole("button", { name: "Period from Nov 23, 2026" });
  fireEvent.click(screen.getByRole("button", { name: "Period from Nov 9, 2026" }));
  await waitFor(() => expect(onChosen).toHaveBeenCalledOnce());
  expect(post).toHaveBeenCalledExactlyOnceWith(PATH, {
    params: { path: { batch_id: "b1" } },
    body: { period: "2026-11-09" },
  });
  expect(other).toBeDisabled();
});

test("a refusal is shown, and the batch is read again", async () => {
  const refused = new Problem({ code: "period.not-ready", detail: "The batch is approved." }, 409);
  vi.spyOn(api, "POST").mockRejectedValue(refused);
  const onChosen = show();
  fireEvent.click(await screen.findByRole("button", { name: "Period from Nov 23, 2026" }));
  expect(await screen.findByRole("alert")).toHaveTextContent("The batch is approved.");
  expect(onChosen).toHaveBeenCalledOnce();
});

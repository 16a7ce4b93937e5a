import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { Problem } from "../src/api/problem";
import { Language } from "../src/i18n/i18n";
import { ActionButton } from "../src/ui/ActionButton";

const REFUSED = new Problem({ code: "x", detail: "It has changed." }, 409);

function show(send: (reason: string) => Promise<unknown>) {
  const [onDone, onSettled] = [vi.fn(), vi.fn()];
  render(
    <QueryClientProvider client={new QueryClient()}>
      <Language>
        <ActionButton
          name="Stop"
          title="Stop it?"
          reason="required"
          send={send}
          onDone={onDone}
          onSettled={onSettled}
        >
          <p>No money moves.</p>
        </ActionButton>
      </Language>
    </QueryClientProvider>,
  );
  return { onDone, onSettled };
}

async function confirm(reason: string): Promise<void> {
  fireEvent.change(await screen.findByRole("textbox"), { target: { value: reason } });
  fireEvent.click(screen.getByRole("button", { name: "Stop" }));
}

test("a refusal is shown in the dialog, which keeps what was typed and is opened without it", async () => {
  const { onDone, onSettled } = show(vi.fn().mockRejectedValue(REFUSED));
  fireEvent.click(screen.getByRole("button", { name: "Stop" }));
  await confirm("a wrong file");
  expect(await screen.findByText("It has changed.")).toBeVisible();
  expect(screen.getByRole("textbox")).toHaveValue("a wrong file");
  expect(onDone).not.toHaveBeenCalled();
  expect(onSettled).toHaveBeenCalledOnce();
  fireEvent.click(screen.getByRole("button", { name: "Cancel" }));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  fireEvent.click(screen.getByRole("button", { name: "Stop" }));
  await screen.findByRole("dialog");
  expect(screen.queryByText("It has changed.")).toBeNull();
});

test("what is confirmed is sent with its reason, and the dialog is closed", async () => {
  const send = vi.fn().mockResolvedValue({});
  const { onDone, onSettled } = show(send);
  fireEvent.click(screen.getByRole("button", { name: "Stop" }));
  await confirm(" a wrong file ");
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect(send.mock.calls[0]?.[0]).toBe("a wrong file");
  expect(onDone).toHaveBeenCalledOnce();
  expect(onSettled).toHaveBeenCalledOnce();
});

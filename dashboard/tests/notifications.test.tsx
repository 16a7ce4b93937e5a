import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import { beforeEach, expect, test, vi } from "vitest";
import { api } from "../src/api/client";
import { SignedInContext, type SignedIn } from "../src/api/signedIn";
import { Language } from "../src/i18n/i18n";
import { ChannelCard } from "../src/settings/notifications/ChannelCard";
import { NewChannel } from "../src/settings/notifications/NewChannel";
import { reasonWords } from "../src/settings/notifications/reasonWords";
import type { NotificationChannel, NotificationEvent } from "../src/api/client";

const EVENTS: NotificationEvent[] = ["approval_waiting", "finished"];
const CHANNEL: NotificationChannel = {
  channel_id: "c1",
  name: "Payroll chat",
  service: "chat",
  language: "en",
  place: "",
  created_at: "2026-11-28T10:00:00Z",
  events: ["finished"],
};

function show(page: React.ReactElement, roles: string[] = ["approver"]) {
  const signedIn = { me: { id: "fina", name: "Fina", roles } } as unknown as SignedIn;
  return render(
    <QueryClientProvider client={new QueryClient()}>
      <SignedInContext value={signedIn}>
        <Language>{page}</Language>
      </SignedInContext>
    </QueryClientProvider>,
  );
}

const willAnswer = (data: unknown) =>
  vi.spyOn(api, "POST").mockResolvedValue({ data, response: new Response() } as never);

beforeEach(() => vi.restoreAllMocks());

test("a choice is sent with those that were made before", async () => {
  const post = willAnswer(CHANNEL);
  show(<ChannelCard channel={CHANNEL} events={EVENTS} onChanged={vi.fn()} />);
  expect(await screen.findByLabelText("A batch has finished")).toBeChecked();
  fireEvent.click(screen.getByLabelText("A batch waits for approval"));
  await waitFor(() =>
    expect(post).toHaveBeenCalledWith("/api/v1/notifications/channels/{channel_id}/events", {
      params: { path: { channel_id: "c1" } },
      body: { events: ["finished", "approval_waiting"] },
    }),
  );
});

test("a test says in words what became of it", async () => {
  willAnswer({ status: "failed", reason: "status 503", message: "" });
  show(<ChannelCard channel={CHANNEL} events={EVENTS} onChanged={vi.fn()} />);
  fireEvent.click(await screen.findByRole("button", { name: "Send a test to Payroll chat" }));
  expect(await screen.findByRole("status")).toHaveTextContent(
    "The receiver answered with status 503, not with success.",
  );
  willAnswer({ status: "sent", reason: "", message: "" });
  fireEvent.click(screen.getByRole("button", { name: "Send a test to Payroll chat" }));
  expect(await screen.findByText("The test was delivered.")).toBeVisible();
});

test("only an administrator is offered a webhook, and its secret is shown once", async () => {
  const services = [{ name: "chat", needs_address: false }];
  const { unmount } = show(<NewChannel services={services} events={EVENTS} onAdded={vi.fn()} />);
  await screen.findByLabelText("By");
  expect(screen.queryByRole("option", { name: "Webhook" })).toBeNull();
  unmount();
  const post = willAnswer({ ...CHANNEL, secret: "whsec_once" });
  show(<NewChannel services={services} events={EVENTS} onAdded={vi.fn()} />, ["admin"]);
  fireEvent.change(await screen.findByLabelText("By"), { target: { value: "" } });
  fireEvent.change(screen.getByLabelText("Channel"), { target: { value: "ERP" } });
  const address = screen.getByLabelText(/^Address/);
  fireEvent.change(address, { target: { value: "https://hooks.example.com/" } });
  fireEvent.click(screen.getByRole("button", { name: "Add a channel" }));
  expect(await screen.findByText("whsec_once")).toBeVisible();
  expect(post.mock.calls[0]?.[1]).toMatchObject({
    body: { name: "ERP", service: "", address: "https://hooks.example.com/", language: "en" },
  });
  fireEvent.click(screen.getByRole("button", { name: /stored/i }));
  await waitFor(() => expect(screen.queryByText("whsec_once")).toBeNull());
});

test("an address is asked for only where the service needs one", async () => {
  const services = [
    { name: "chat", needs_address: false },
    { name: "mail", needs_address: true },
  ];
  show(<NewChannel services={services} events={EVENTS} onAdded={vi.fn()} />);
  await screen.findByLabelText("By");
  expect(screen.queryByLabelText("Your e-mail address")).toBeNull();
  fireEvent.change(screen.getByLabelText("By"), { target: { value: "mail" } });
  fireEvent.change(screen.getByLabelText("Channel"), { target: { value: "Mail" } });
  expect(screen.getByLabelText("Your e-mail address")).toBeRequired();
  expect(screen.getByRole("button", { name: "Add a channel" })).toBeDisabled();
});

test("who can have no channel is told why", async () => {
  show(<NewChannel services={[]} events={EVENTS} onAdded={vi.fn()} />);
  expect(await screen.findByText(/No e-mail or chat service is set up here/)).toBeVisible();
});

test("an unknown reason has words too", () => {
  expect(reasonWords("something new").id).toBe("notifications.reason.bug");
  expect(reasonWords("status 404")).toEqual({
    id: "notifications.reason.status",
    values: { status: "404" },
  });
});

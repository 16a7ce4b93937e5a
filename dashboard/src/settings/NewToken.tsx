import { type ReactElement, useState } from "react";
import { query } from "../api/client";
import { T } from "../i18n/i18n";
import { Card } from "../ui/Card";
import { Notice } from "../ui/Notice";
import { ProblemPanel } from "../ui/ProblemPanel";
import { QueryView } from "../ui/QueryView";
import { NewTokenForm } from "./NewTokenForm";
import { EMPTY_REQUEST, requestBody, type TokenRequest } from "./tokenRequest";
import { TokenSecret } from "./TokenSecret";

/** Makes a token and shows its secret once; the system does not store the secret. */
export function NewToken({ onMade }: { onMade: () => void }): ReactElement {
  const [request, setRequest] = useState<TokenRequest>(EMPTY_REQUEST);
  const people = query.useQuery("get", "/api/v1/people", {});
  const make = query.useMutation("post", "/api/v1/tokens", {
    gcTime: 0, // the secret does not stay in the cache
    onSuccess: () => {
      setRequest({ ...request, name: "" });
      onMade();
    },
    onError: onMade,
  });
  if (make.data?.token)
    return (
      <TokenSecret
        secret={make.data.token}
        name={make.data.name}
        expiresAt={make.data.expires_at}
        onStored={() => make.reset()}
      />
    );
  return (
    <Card title={<T id="tokens.make" />}>
      {make.error && (
        <>
          <ProblemPanel error={make.error} unsafe />
          <Notice tone="warning">
            <T id="tokens.maybe-made" />
          </Notice>
        </>
      )}
      <QueryView query={people}>
        {({ items }) => (
          <NewTokenForm
            people={items}
            request={request}
            onChange={setRequest}
            busy={make.isPending}
            onSubmit={() => make.mutate({ body: requestBody(request, items) })}
          />
        )}
      </QueryView>
    </Card>
  );
}

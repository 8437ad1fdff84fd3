/** Names of the fields that DKIM signs unless the policy says something else: RFC 6376 §5.4.1, and what came later. */
export const SIGNED_FIELDS: readonly string[] = (
  "From Sender Reply-To Subject Date Message-ID To Cc MIME-Version Content-Type Content-Transfer-Encoding Content-ID " +
  "Content-Description Resent-Date Resent-From Resent-Sender Resent-To Resent-Cc Resent-Message-ID In-Reply-To References " +
  "List-Id List-Help List-Unsubscribe List-Subscribe List-Post List-Owner List-Archive"
).split(" ");

-- Accounts leave room in their pages, so that a changed balance need not move its row to another.
CREATE TABLE account (
    name text COLLATE "C" PRIMARY KEY,
    balance bigint NOT NULL
) WITH (fillfactor = 50);
CREATE TABLE transfer (
    tx_id text COLLATE "C" PRIMARY KEY,
    payer text NOT NULL,
    payee text NOT NULL,
    amount bigint NOT NULL,
    refused boolean NOT NULL DEFAULT false,
    at timestamptz NOT NULL DEFAULT now()
);
-- 1 and both new balances; 0 when the payer holds too little, which is recorded; 2 for a tx_id
-- that was seen.
CREATE FUNCTION transfer(
    a_tx_id text, a_payer text, a_payee text, an_amount bigint,
    OUT outcome int, OUT after_payer bigint, OUT after_payee bigint
) LANGUAGE plpgsql AS $$
DECLARE
    held bigint;
BEGIN
    INSERT INTO transfer (tx_id, payer, payee, amount)
        VALUES (a_tx_id, a_payer, a_payee, an_amount) ON CONFLICT (tx_id) DO NOTHING;
    IF NOT FOUND THEN
        outcome := 2;
        RETURN;
    END IF;
    -- The lower name first: otherwise a to b and b to a wait for each other.
    IF a_payer < a_payee COLLATE "C" THEN
        SELECT balance INTO held FROM account WHERE name = a_payer FOR UPDATE;
        PERFORM 1 FROM account WHERE name = a_payee FOR UPDATE;
    ELSE
        PERFORM 1 FROM account WHERE name = a_payee FOR UPDATE;
        SELECT balance INTO held FROM account WHERE name = a_payer FOR UPDATE;
    END IF;
    IF held IS NULL OR held < an_amount THEN
        UPDATE transfer SET refused = true WHERE tx_id = a_tx_id;
        outcome := 0;
        RETURN;
    END IF;
    UPDATE account SET balance = balance - an_amount WHERE name = a_payer
        RETURNING balance INTO after_payer;
    UPDATE account SET balance = balance + an_amount WHERE name = a_payee
        RETURNING balance INTO after_payee;
    outcome := 1;
END $$;
